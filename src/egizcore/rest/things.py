"""One Thing: read, create, replace, merge, delete, and what it is related to (FR-1, FR-4)."""

from collections.abc import Iterable
from typing import final

from egizcore.errors import PreconditionFailed, ThingNotFound, ValidationFailed
from egizcore.rest.answer import (
    JSON,
    Answer,
    etag_field,
    json_answer,
    json_bytes,
    no_content,
    not_modified,
)
from egizcore.rest.call import MERGE_PATCH, Call, Route, route
from egizcore.rest.etag import is_unchanged, tag_of
from egizcore.rest.listing import read_fields
from egizcore.rest.parameters import at, choice
from egizcore.rest.parts import RestParts
from egizcore.state import incoming
from egizcore.thing import Thing, is_word, read_thing, write_json


def routes(parts: RestParts) -> Iterable[Route]:
    """The routes of this module."""
    one = "/api/v1/things/{id:str}"
    own = _Things(parts)
    yield route("POST", "/api/v1/things", own.create, takes=(JSON,))
    yield route("GET", one, own.get, query="fields")
    yield route("PUT", one, own.put, takes=(JSON,))
    yield route("PATCH", one, own.patch, takes=(JSON, MERGE_PATCH))
    yield route("DELETE", one, own.delete)
    yield route("GET", f"{one}/relationships", own.relationships, query="direction type")


@final
class _Things:
    def __init__(self, parts: RestParts) -> None:
        self._store = parts.store
        self._registry = parts.registry
        self._epoch = parts.store.bus.epoch

    async def get(self, call: Call) -> Answer:
        thing = self._registry.get(call.thing_id)
        tag = tag_of(self._epoch, thing.version)
        fields = call.parameters.get("fields")
        projection = None if fields is None else read_fields(fields[0])
        if is_unchanged(call.header(b"if-none-match"), tag):
            return not_modified(tag)
        document = thing.document() if projection is None else projection.apply(thing)
        return json_bytes(write_json(document), etag_field(tag))

    async def create(self, call: Call) -> Answer:
        draft = read_thing(await call.document(), versioned=False, nesting=self._store.nesting)
        condition = call.condition(self._epoch)
        if condition is not None and draft.id is not None:
            there = self._store.things.get(draft.id)
            if not condition.holds(None if there is None else there.version):
                raise PreconditionFailed(draft.id)
        return self._created(self._registry.create(draft))

    async def put(self, call: Call) -> Answer:
        thing_id = call.thing_id
        draft = read_thing(await call.document(), nesting=self._store.nesting)
        _same_id(draft.id, thing_id)
        thing, created = self._registry.put(thing_id, draft, call.condition(self._epoch))
        return self._created(thing) if created else self._answer(thing)

    async def patch(self, call: Call) -> Answer:
        thing_id = call.thing_id
        draft = read_thing(await call.document(), nesting=self._store.nesting)
        _same_id(draft.id, thing_id)
        return self._answer(self._registry.merge(thing_id, draft, call.condition(self._epoch)))

    async def delete(self, call: Call) -> Answer:
        self._registry.delete(call.thing_id, call.condition(self._epoch))
        return no_content()

    async def relationships(self, call: Call) -> Answer:
        """A target need not exist, so what points to one is told without it."""
        thing_id = call.thing_id
        kind = call.parameters.get("type", [None])[0]
        if kind is not None and not is_word(kind):
            raise at("type", "must be 1 to 64 of A-Z a-z 0-9 _ -")
        outward = choice(call.parameters, "direction", "out", ("out", "in")) == "out"
        links = self._outgoing(thing_id) if outward else self._incoming(thing_id)
        return json_answer(
            {
                "items": [
                    {"type": link, "sourceId": source, "targetId": target}
                    for link, source, target in links
                    if kind is None or link == kind
                ]
            }
        )

    def _outgoing(self, thing_id: str) -> list[tuple[str, str, str]]:
        thing = self._registry.get(thing_id)
        return [(link.type, thing_id, link.target_id) for link in thing.relationships]

    def _incoming(self, thing_id: str) -> list[tuple[str, str, str]]:
        found = incoming(self._store.things, self._store.index, thing_id)
        if not found and thing_id not in self._store.things:
            raise ThingNotFound(thing_id)
        return [(link.type, source, thing_id) for source, link in found]

    def _created(self, thing: Thing) -> Answer:
        return json_answer(
            thing.document(),
            etag_field(tag_of(self._epoch, thing.version)),
            (b"location", f"/api/v1/things/{thing.id}".encode()),
            status=201,
        )

    def _answer(self, thing: Thing) -> Answer:
        tag = tag_of(self._epoch, thing.version)
        return json_answer(thing.document(), etag_field(tag))


def _same_id(named: str | None, thing_id: str) -> None:
    if named is not None and named != thing_id:
        raise ValidationFailed.at("/id", f"is another than the path's, {thing_id!r}")
