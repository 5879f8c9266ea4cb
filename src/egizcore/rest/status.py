"""How we are: health, readiness, metrics; and what is a WebSocket."""

from collections.abc import Iterable
from typing import Final, final

from egizcore.rest.answer import Answer, json_answer
from egizcore.rest.call import Call, Route, route
from egizcore.rest.parts import RestParts
from egizcore.rest.problem import Refused

PROMETHEUS: Final = b"text/plain; version=0.0.4; charset=utf-8"


def routes(parts: RestParts) -> Iterable[Route]:
    """The routes of this module."""
    own = _Status(parts)
    yield route("GET", "/health", own.health)
    yield route("GET", "/health/ready", own.ready)
    yield route("GET", "/metrics", own.metrics, media="")
    yield route("GET", "/api/v1/ws", upgrade, media="")


@final
class _Status:
    def __init__(self, parts: RestParts) -> None:
        self._parts = parts

    async def health(self, call: Call) -> Answer:  # noqa: ARG002 - nothing is asked
        return json_answer(self._parts.health())

    async def ready(self, call: Call) -> Answer:  # noqa: ARG002 - nothing is asked
        if not self._parts.ready():
            raise Refused("not_ready", "The engine starts or shuts down.")
        return json_answer({"status": "ready"})

    async def metrics(self, call: Call) -> Answer:  # noqa: ARG002 - nothing is asked
        body = self._parts.metrics()
        fields = [(b"content-type", PROMETHEUS), (b"content-length", b"%d" % len(body))]
        return Answer(200, [*fields, (b"cache-control", b"no-store")], body)


async def upgrade(call: Call) -> Answer:  # noqa: ARG001 - whatever is asked, it is no WebSocket
    """Who comes here did not ask for the upgrade."""
    raise Refused(
        "upgrade_required",
        "This path speaks WebSocket (RFC 6455).",
        headers=[(b"upgrade", b"websocket"), (b"connection", b"Upgrade")],
    )
