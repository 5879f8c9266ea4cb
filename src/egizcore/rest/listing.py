"""Many Things: the list, and queries by the filter language (FR-1.2)."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, final

from egizcore.errors import Fault, ValidationFailed
from egizcore.rest.answer import JSON, Answer, json_bytes
from egizcore.rest.call import Call, Route, route
from egizcore.rest.parameters import at, whole_number
from egizcore.rest.parts import RestParts
from egizcore.state import Page, Projection, SortKey, cursor_after, parse_fields, parse_sort, select
from egizcore.thing import Filter, compile_filter, is_word, write_json

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 100
PAGE_BYTES: Final = 8 * 1024 * 1024
"""A page that has reached this much ends, with a cursor to go on from."""
SLICE_TERMS: Final = 50_000
"""Terms of a filter that are asked of Things in one turn of the loop: some 10 ms."""

_MEMBERS: Final = frozenset({"filter", "sort", "limit", "cursor", "fields", "count"})


def routes(parts: RestParts) -> Iterable[Route]:
    """The routes of this module."""
    own = _Listing(parts)
    yield route("GET", "/api/v1/things", own.list, query="limit cursor type fields")
    yield route("POST", "/api/v1/query", own.query, takes=(JSON,))


class Asked(NamedTuple):
    """What a query asks for."""

    where: Filter | None
    sort: Sequence[SortKey]
    limit: int
    cursor: str | None
    projection: Projection | None
    total: bool


@final
class _Listing:
    def __init__(self, parts: RestParts) -> None:
        self._store = parts.store

    async def list(self, call: Call) -> Answer:
        parameters = call.parameters
        kind = parameters.get("type", [None])[0]
        if kind is not None and not is_word(kind):
            raise at("type", "must be 1 to 64 of A-Z a-z 0-9 _ -")
        fields = parameters.get("fields")
        asked = Asked(
            where=None if kind is None else compile_filter({"type": kind}),
            sort=(),
            limit=whole_number(parameters, "limit", DEFAULT_LIMIT, MAX_LIMIT),
            cursor=parameters.get("cursor", [None])[0],
            projection=None if fields is None else read_fields(fields[0]),
            total=True,
        )
        return await self._answer(asked)

    async def query(self, call: Call) -> Answer:
        return await self._answer(read_query(await call.document()))

    async def _answer(self, asked: Asked) -> Answer:
        if asked.where is not None:
            asked = asked._replace(where=await self._tried(asked.where))
        page = select(
            self._store.things,
            self._store.index,
            where=asked.where,
            sort=asked.sort,
            limit=asked.limit,
            cursor=asked.cursor,
            count=asked.total,
        )
        return json_bytes(write_page(page, asked))

    async def _tried(self, where: Filter) -> Filter:
        """*where* itself, or, if asking it of every Thing would hold up others, its answers.

        These are then got in slices between which others are served.
        """
        things, index = self._store.things, self._store.index
        ids = index.ids if where.kind is None else index.by_type.get(where.kind, [])
        terms = where.canonical.count("{")
        if terms * len(ids) <= SLICE_TERMS:
            return where
        hits: set[str] = set()
        waiting = iter(list(ids))
        while some := list(islice(waiting, SLICE_TERMS // terms)):
            hits.update(one for one in some if one in things and where.matches(things[one]))
            await asyncio.sleep(0)
        return Filter(lambda thing: thing.id in hits, where.canonical, where.kind, where.reads)


def read_fields(text: str) -> Projection:
    """The paths of ``?fields=``, with commas between.

    Raises:
        ValidationFailed: one is ill-formed, or there are too many.
    """
    try:
        return parse_fields(text.split(","))
    except ValidationFailed as error:
        faults = tuple(Fault("?fields", fault.message) for fault in error.faults)
        raise ValidationFailed(f"?fields: {faults[0].message}", faults=faults) from None


def read_query(document: object) -> Asked:
    """The body of ``POST /api/v1/query``.

    Raises:
        ValidationFailed, BadFilter: with pointers into the body.
    """
    if not isinstance(document, dict):
        raise ValidationFailed.at("", "must be an object")
    faults = [
        Fault("/" + name.replace("~", "~0").replace("/", "~1"), "is not known here")
        for name in document
        if name not in _MEMBERS
    ]
    limit, count = document.get("limit", DEFAULT_LIMIT), document.get("count", False)
    cursor = document.get("cursor")
    if type(limit) not in (int, float) or not 1 <= limit <= MAX_LIMIT or limit != int(limit):
        faults.append(Fault("/limit", f"must be a whole number from 1 to {MAX_LIMIT}"))
    if not isinstance(count, bool):
        faults.append(Fault("/count", "must be true or false"))
    if cursor is not None and not isinstance(cursor, str):
        faults.append(Fault("/cursor", "must be text or null"))
    sort, fields = _texts(document, "sort", faults), _texts(document, "fields", faults)
    if faults:
        raise ValidationFailed(f"{faults[0].pointer}: {faults[0].message}", faults=tuple(faults))
    return Asked(
        _where(document),
        parse_sort(sort or []),
        int(limit),
        cursor,
        None if fields is None else parse_fields(fields),
        count,
    )


def _texts(document: dict[str, Any], name: str, faults: list[Fault]) -> list[str] | None:
    if name not in document:
        return None
    value = document[name]
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return value
    faults.append(Fault(f"/{name}", "must be an array of texts"))
    return None


def _where(document: dict[str, Any]) -> Filter | None:
    if "filter" not in document:
        return None
    return compile_filter(document["filter"], "/filter")


def write_page(page: Page, asked: Asked) -> bytes:
    """The page as JSON; cut where it is large enough, at one Thing or more."""
    items: list[bytes] = []
    size = 0
    cursor = page.next_cursor
    for thing in page.things:
        if size >= PAGE_BYTES:
            last = page.things[len(items) - 1]
            cursor = cursor_after(last, where=asked.where, sort=asked.sort)
            break
        projection = asked.projection
        items.append(
            write_json(thing.document() if projection is None else projection.apply(thing))
        )
        size += len(items[-1])
    parts = [b'{"items":[', b",".join(items), b'],"nextCursor":', write_json(cursor)]
    if page.total is not None:
        parts.append(b',"total":%d' % page.total)
    return b"".join((*parts, b"}"))
