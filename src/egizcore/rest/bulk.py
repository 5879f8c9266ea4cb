"""Many Things at once: a business system sends its masters, again and again.

Each item stands for itself. It is created, or merged into the Thing that exists, so that what
the sensors brought stays. Between items the loop serves others.
"""

import asyncio
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any, Final, final

import msgspec

from egizcore.errors import BadJson, EgizError, ValidationFailed
from egizcore.rest.answer import JSON, Answer, json_answer
from egizcore.rest.call import NDJSON, Call, Route, route
from egizcore.rest.parts import RestParts
from egizcore.rest.problem import CODES, Refused
from egizcore.thing import MAX_ID, read_json, read_thing

MAX_ITEMS: Final = 10_000
AT_ONCE: Final = 4
"""Bodies in memory; the next one waits, and the guard leaves it in its socket."""
TURN_SECONDS: Final = 0.005
"""After so long others have their turn."""

_array: Final[msgspec.json.Decoder[list[msgspec.Raw]]] = msgspec.json.Decoder(list[msgspec.Raw])


def routes(parts: RestParts) -> Iterable[Route]:
    """The routes of this module."""
    own = _Bulk(parts)
    yield route("POST", "/api/v1/things/bulk", own.store, takes=(JSON, NDJSON))


@final
class _Bulk:
    def __init__(self, parts: RestParts) -> None:
        self._store = parts.store
        self._registry = parts.registry
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def store(self, call: Call) -> Answer:
        async with self._turns:
            return await self._stored_all(call)

    async def _stored_all(self, call: Call) -> Answer:
        body = await call.body()
        lines = call.media == NDJSON
        items: Sequence[bytes | msgspec.Raw] = split_lines(body) if lines else split_array(body)
        if len(items) > MAX_ITEMS:
            raise Refused("payload_too_large", f"There are {len(items)} items, over {MAX_ITEMS}.")
        results = []
        turn = perf_counter()
        for item in items:
            results.append(self._item(bytes(item)))
            if perf_counter() - turn > TURN_SECONDS:
                await asyncio.sleep(0)
                turn = perf_counter()
        return json_answer({"items": results})

    def _item(self, item: bytes) -> dict[str, object]:
        document: object = None
        try:
            document = read_json(item)
            return self._stored(document)
        except EgizError as error:
            result: dict[str, object] = {
                "status": CODES[error.code].status,
                "code": error.code,
                "message": error.detail,
            }
            thing_id = _id_of(document)
            return result if thing_id is None else {"id": thing_id, **result}

    def _stored(self, document: object) -> dict[str, object]:
        thing_id = _id_of(document)
        there = thing_id is not None and thing_id in self._store.things
        draft = read_thing(document, versioned=there, nesting=self._store.nesting)
        if there and draft.id is not None:
            thing = self._registry.merge(draft.id, draft)
        else:
            thing = self._registry.create(draft)
        return {"id": thing.id, "status": 200 if there else 201, "version": thing.version}


def split_array(body: bytes) -> list[msgspec.Raw]:
    """The items of a JSON array, each as it stands in *body*, without a copy.

    Raises:
        BadJson: it is no JSON array.
    """
    try:
        return _array.decode(body)
    except msgspec.ValidationError:
        raise ValidationFailed.at("", "must be an array") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadJson("The body is no JSON array.") from None


def split_lines(body: bytes) -> list[bytes]:
    """The lines of NDJSON; blank ones say nothing."""
    return [line for line in body.split(b"\n") if line.strip()]


def _id_of(document: Any) -> str | None:
    thing_id = document.get("id") if isinstance(document, dict) else None
    return thing_id if isinstance(thing_id, str) and len(thing_id) <= MAX_ID else None
