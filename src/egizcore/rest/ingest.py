"""What ingestion did and would do, for whoever sets up routes and devices."""

from collections.abc import Iterable
from typing import Any, final

from egizcore.errors import Fault, ValidationFailed
from egizcore.rest.answer import JSON, Answer, json_answer
from egizcore.rest.call import Call, Route, route
from egizcore.rest.parts import RestParts
from egizcore.thing import pointer, write_json


def routes(parts: RestParts) -> Iterable[Route]:
    """The routes of this module."""
    own = _Ingest(parts)
    yield route("POST", "/api/v1/ingest/test", own.test, takes=(JSON,))
    yield route("GET", "/api/v1/ingest/rejected", own.rejected)
    yield route("GET", "/api/v1/ingest/unknown", own.unknown)


@final
class _Ingest:
    def __init__(self, parts: RestParts) -> None:
        self._ingest = parts.ingest

    async def test(self, call: Call) -> Answer:
        topic, payload = read_message(await call.document())
        return json_answer(self._ingest.test(topic, payload))

    async def rejected(self, call: Call) -> Answer:  # noqa: ARG002 - nothing is asked
        return json_answer({"items": self._ingest.rejected()})

    async def unknown(self, call: Call) -> Answer:  # noqa: ARG002 - nothing is asked
        return json_answer({"items": self._ingest.unknown()})


def read_message(document: Any) -> tuple[str, bytes]:
    """Topic and payload: text stands for itself, any other JSON for the text that it is.

    Raises:
        ValidationFailed
    """
    if not isinstance(document, dict):
        raise ValidationFailed.at("", "must be an object")
    faults = [
        Fault(pointer(name), "is not known here")
        for name in document
        if name not in ("topic", "payload")
    ]
    topic = document.get("topic")
    if not isinstance(topic, str) or not topic:
        faults.append(Fault("/topic", "must be text of 1 character or more"))
    if "payload" not in document:
        faults.append(Fault("/payload", "is required"))
    if faults or not isinstance(topic, str):
        raise ValidationFailed(f"{faults[0].pointer}: {faults[0].message}", faults=tuple(faults))
    payload = document["payload"]
    return topic, payload.encode() if isinstance(payload, str) else write_json(payload)
