"""The features of a Thing: read, update in part, delete (FR-2.1, FR-4)."""

from collections.abc import Iterable
from typing import Any, final

from egizcore.rest.answer import (
    JSON,
    Answer,
    etag_field,
    json_answer,
    no_content,
    not_modified,
)
from egizcore.rest.call import MERGE_PATCH, Call, Route, route
from egizcore.rest.etag import is_unchanged, tag_of
from egizcore.rest.parts import RestParts
from egizcore.thing import Feature, read_feature


def routes(parts: RestParts) -> Iterable[Route]:
    """The routes of this module."""
    all_of_them = "/api/v1/things/{id:str}/features"
    one = f"{all_of_them}/{{feature:str}}"
    own = _Features(parts)
    yield route("GET", all_of_them, own.list)
    yield route("GET", one, own.get)
    yield route("PUT", one, own.merge, takes=(JSON,))
    yield route("PATCH", one, own.merge, takes=(JSON, MERGE_PATCH))
    yield route("DELETE", one, own.delete)


@final
class _Features:
    def __init__(self, parts: RestParts) -> None:
        self._registry = parts.registry
        self._epoch = parts.store.bus.epoch
        self._nesting = parts.store.nesting

    async def list(self, call: Call) -> Answer:
        thing = self._registry.get(call.thing_id)
        tag = tag_of(self._epoch, thing.version)
        if is_unchanged(call.header(b"if-none-match"), tag):
            return not_modified(tag)
        items = [_document(name, feature) for name, feature in thing.features.items()]
        return json_answer({"items": items}, etag_field(tag))

    async def get(self, call: Call) -> Answer:
        thing_id, name = call.thing_id, call.feature
        feature = self._registry.feature(thing_id, name)
        tag = tag_of(self._epoch, self._registry.get(thing_id).version)
        if is_unchanged(call.header(b"if-none-match"), tag):
            return not_modified(tag)
        return json_answer(_document(name, feature), etag_field(tag))

    async def merge(self, call: Call) -> Answer:
        thing_id, name = call.thing_id, call.feature
        draft = read_feature(await call.document(), nesting=self._nesting)
        thing = self._registry.merge_feature(thing_id, name, draft, call.condition(self._epoch))
        tag = tag_of(self._epoch, thing.version)
        return json_answer(_document(name, thing.features[name]), etag_field(tag))

    async def delete(self, call: Call) -> Answer:
        self._registry.delete_feature(call.thing_id, call.feature, call.condition(self._epoch))
        return no_content()


def _document(name: str, feature: Feature) -> dict[str, Any]:
    return {"id": name, **feature.document()}
