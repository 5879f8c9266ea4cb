"""What a Thing reported (FR-6; contract.md, section 5): pages, and the whole as a stream.

Items are got from the store in chunks, whose size follows what they weigh, and leave as they come:
a year of history takes no more memory than an hour, and no other client waits for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from time import monotonic
from typing import Final, NamedTuple, final
from urllib.parse import urlencode

from egizcore.errors import LimitExceeded
from egizcore.history import NUMERIC, Aggregate, Item, Query, Reader, flatten, split
from egizcore.rest.accept import preferred
from egizcore.rest.answer import JSON, Answer, Reply, Stream, json_bytes
from egizcore.rest.call import NDJSON, Call, Route, route
from egizcore.rest.history_form import (
    CSV,
    MEDIAS,
    NDJSON_FORM,
    Form,
    long_csv,
    wide_csv,
    write_item,
)
from egizcore.rest.history_query import Asked, read_asked
from egizcore.rest.parameters import Parameters, choice
from egizcore.rest.parts import RestParts
from egizcore.rest.problem import Headers, Refused
from egizcore.thing import rfc3339, write_json

PAGE_BYTES: Final = 8 * 1024 * 1024
"""A page that has reached this much ends, with a cursor to go on from."""
PAGE_SECONDS: Final = 2.0
"""So does one that has taken so long: what is begun then is done in time."""
FIRST_CHUNK: Final = 6
"""Items of the first chunk, when nothing is known of their weight: of the largest Thing that is
legal by default they are no more than a store gives at once."""
MOST_ITEMS: Final = 2000
LESS: Final = 8
"""Where a chunk is too large for the store, one of so many times fewer items is asked for."""
CHUNK_BYTES: Final = 2 * 1024 * 1024
"""What a chunk should weigh on the wire."""
PIECE_BYTES: Final = 64 * 1024
"""Others have their turn after so much: some 2 ms of work."""
MAX_COLUMNS: Final = 4096
DAY: Final = 86_400_000
DAYS: Final = 100
"""Days of a feature that are looked at in one go for what there is in them."""

_MEDIA: Final = {"json": JSON, "csv": CSV, "ndjson": NDJSON}


def routes(parts: RestParts) -> Iterable[Route]:
    """The routes of this module."""
    yield route(
        "GET",
        "/api/v1/things/{id:str}/history",
        _History(parts).answer,
        query="from to feature property every aggregate limit cursor order format shape",
        repeatable="feature property",
        media="",
    )


class _Page(NamedTuple):
    """Items, each as it is written, and the cursor to those beyond."""

    items: list[bytes]
    next_cursor: str | None


@final
class _Walk:
    """A query chunk by chunk; ``more`` says whether there are any beyond the last."""

    def __init__(self, reader: Reader, query: Query, *, is_live: bool) -> None:
        self._reader = reader
        self._query = query
        self._is_live = is_live
        self._size = FIRST_CHUNK
        self.more = True

    async def chunk(self, most: int = MOST_ITEMS) -> list[Item]:
        """The next items, *most* at most; errors as of ``Reader.page``."""
        while True:
            size = min(self._size, most)
            query = self._query._replace(limit=size)
            try:
                items, self.more = await self._reader.page(query, is_live=self._is_live)
            except LimitExceeded:  # they weigh more than was thought
                if size == 1:
                    raise
                self._size = max(1, size // LESS)
            else:
                break
        if items:
            self._query = query._replace(after=items[-1].place)
        return items

    def weighed(self, items: int, size: int) -> None:
        """So many items have taken *size* bytes: the next chunk goes by that."""
        self._size = max(1, min(MOST_ITEMS, items * CHUNK_BYTES // max(size, 1)))


@final
class _History:
    def __init__(self, parts: RestParts) -> None:
        self._reader = parts.history
        self._things = parts.store.things

    async def answer(self, call: Call) -> Reply:
        parameters = call.parameters
        asked = read_asked(call.thing_id, parameters, self._reader.now())
        shape = choice(parameters, "shape", "long", ("long", "wide"))
        media = _media(parameters, call.header(b"accept"))
        async with self._reader.in_time():  # until the answer begins
            if media == JSON:
                return await self._json(asked)
            form = await self._form(asked.query, media, wide=shape == "wide")
            if "limit" in parameters:
                return await self._page_of(form, asked, parameters)
            return await self._stream(form, asked.query)

    async def _json(self, asked: Asked) -> Answer:
        query = asked.query
        items, cursor = await self._page(asked, Form(JSON, b"", write_item))
        told = {
            "thingId": query.thing_id,
            "from": rfc3339(query.start),
            "to": rfc3339(query.end),
        }
        body = (
            write_json(told)[:-1],
            b',"items":[',
            b",".join(items),
            b'],"nextCursor":',
            write_json(cursor),
            b"}",
        )
        return json_bytes(b"".join(body), _VARIES)

    async def _page_of(self, form: Form, asked: Asked, parameters: Parameters) -> Answer:
        """One page in another form; where there is more, a header field leads on (RFC 8288)."""
        items, cursor = await self._page(asked, form)
        body = b"".join((form.head, *items))
        fields = [*_fields(form), (b"content-length", b"%d" % len(body))]
        if cursor is not None:
            query = urlencode({**parameters, "cursor": [cursor]}, doseq=True)
            link = f'</api/v1/things/{asked.query.thing_id}/history?{query}>; rel="next"'
            fields.append((b"link", link.encode()))
        return Answer(200, fields, body)

    async def _page(self, asked: Asked, form: Form) -> _Page:
        limit = asked.query.limit
        walk = self._walk(asked.query)
        written: list[bytes] = []
        size = 0
        last = None
        end = monotonic() + PAGE_SECONDS
        while walk.more and len(written) < limit and size < PAGE_BYTES and monotonic() < end:
            for item in await walk.chunk(limit - len(written)):
                if size >= PAGE_BYTES:
                    walk.more = True
                    break
                written.append(form.encode(item))
                size += len(written[-1])
                last = item.place
                if size % PIECE_BYTES < len(written[-1]):  # another piece is full
                    await asyncio.sleep(0)
            walk.weighed(len(written), size)
        return _Page(written, asked.cursor_after(last) if walk.more and last is not None else None)

    async def _stream(self, form: Form, query: Query) -> Stream:
        """All that there is. The first chunk is had before, since an error has a status then."""
        walk = self._walk(query)
        return Stream(_fields(form), _pieces(form, await walk.chunk(), walk))

    async def _form(self, query: Query, media: str, *, wide: bool) -> Form:
        counts = query.aggregate == "count"
        if media == NDJSON:
            return NDJSON_FORM
        if wide:
            return wide_csv(query.thing_id, await self._keys(query), counts=counts)
        return long_csv(query.thing_id, counts=counts)

    async def _keys(self, query: Query) -> set[str]:
        """The keys that *query* has anything under, on any of its pages.

        The store tells them by aggregating days: what is counted, or has a least number, is there.

        Raises:
            LimitExceeded: they are too many for columns.
        """
        kind: Aggregate = "min" if query.aggregate in NUMERIC else "count"
        walk = self._walk(query._replace(every=DAY, aggregate=kind, after=None, descending=False))
        keys: set[str] = set()
        while walk.more:
            for day in await walk.chunk(DAYS):
                keys.update(_keys_of(day.properties))
            if len(keys) > MAX_COLUMNS:
                raise LimitExceeded(
                    f"Wide CSV has at most {MAX_COLUMNS} columns: name fewer features or "
                    "properties, or ask for shape=long."
                )
        return keys

    def _walk(self, query: Query) -> _Walk:
        return _Walk(self._reader, query, is_live=query.thing_id in self._things)


_VARIES: Final = (b"vary", b"Accept")


def _fields(form: Form) -> Headers:
    return [
        (b"content-type", form.media.encode()),
        (b"cache-control", b"no-cache"),
        (b"x-content-type-options", b"nosniff"),
        _VARIES,
    ]


def _media(parameters: Parameters, accept: bytes | None) -> str:
    """What to answer in: ``format`` says so, else the client's ``Accept``, else it is JSON."""
    told = choice(parameters, "format", "json", tuple(_MEDIA))
    if "format" in parameters or accept is None:
        return _MEDIA[told]
    media = preferred(accept, MEDIAS)
    if media is None:
        raise Refused("not_acceptable", f"The answer would be {', '.join(MEDIAS)}.")
    return media


async def _pieces(form: Form, items: list[Item], walk: _Walk) -> AsyncGenerator[bytes]:
    """All of *walk*, of which *items* have been had, in pieces that leave others their turn."""
    piece = bytearray(form.head)
    while True:
        size = 0
        for item in items:
            written = form.encode(item)
            size += len(written)
            piece += written
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)
            piece.clear()
        if not walk.more:
            return
        walk.weighed(len(items), size)
        items = await walk.chunk()


def _keys_of(properties: Mapping[str, object]) -> Iterable[str]:
    """The keys of the leaves of a day, in which a property can have changed its kind.

    What contradicts another leaf there stands under its whole key (see ``history.nest``).
    """
    yield from flatten(properties)
    for name in properties:
        parts = split(name)
        if len(parts) > 1 and parts[0] in properties:
            yield name
