# ruff: noqa: INP001 - a program with an environment of its own, no package
# mypy: ignore-errors
"""The routes."""

from typing import Any, Final

import orjson
from engine import OPTIONS, Engine, Json, Thing
from fastapi import APIRouter, Request, Response, WebSocket
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

TYPE: Final = (b"content-type", b"application/json")


def answer(content: Any) -> Response:
    return Response(orjson.dumps(content, option=OPTIONS), media_type="application/json")


class OneThing:
    """The hottest route, without what FastAPI does for each request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        thing = self._engine.things.get(scope["path_params"]["id"])
        if thing is None:
            status, text = 404, b'{"code":"thing_not_found"}'
        else:
            status, text = 200, orjson.dumps(thing.shown(), option=OPTIONS)
        length = (b"content-length", b"%d" % len(text))
        await send({"type": "http.response.start", "status": status, "headers": [TYPE, length]})
        await send({"type": "http.response.body", "body": text})


def router(engine: Engine) -> APIRouter:
    router = APIRouter(routes=[Route("/api/v1/things/{id}", OneThing(engine), methods=["GET"])])

    @router.post("/api/v1/things/bulk")
    async def bulk(request: Request) -> Response:
        items = []
        for given in orjson.loads(await request.body()):
            thing = Thing(given["id"], given["type"])
            thing.metadata = given.get("metadata", {})
            thing.features = given.get("features", {})
            engine.put(thing)
            items.append({"id": thing.id, "status": 201})
        return answer({"items": items})

    @router.post("/api/v1/query")
    async def query(request: Request) -> Response:
        """A type and one $gt or more, in the order of the ids."""
        asked = orjson.loads(await request.body())
        terms = [
            (path.split("."), operators["$gt"])
            for path, operators in asked["filter"].items()
            if isinstance(operators, dict)
        ]
        items: list[Json] = []
        for name in engine.ids.get(asked["filter"]["type"], []):
            thing = engine.things[name]
            if all(holds(thing, path, more) for path, more in terms):
                items.append(thing.shown())
                if len(items) == asked["limit"]:
                    break
        return answer({"items": items})

    @router.websocket("/api/v1/ws")
    async def events(socket: WebSocket) -> None:
        client = socket.scope["extensions"]["frames"]
        await socket.accept()
        try:
            async for text in socket.iter_text():
                command = orjson.loads(text)
                if command.get("action") == "subscribe":
                    engine.hub.subscribe(client, command)
        finally:
            engine.hub.forget(client)

    @router.get("/health")
    @router.get("/health/ready")
    async def health() -> Response:
        return answer({"status": "ok" if engine.is_ready else "degraded"})

    @router.get("/metrics")
    async def metrics() -> Response:
        name = 'egizcore_mqtt_messages_total{source="mqtt",outcome="applied"}'
        return Response(f"{name} {engine.applied}\n", media_type="text/plain")

    return router


def holds(thing: Thing, path: list[str], more: float) -> bool:
    feature = thing.features.get(path[1])
    value: Any = None if feature is None else feature["properties"]
    for name in path[3:]:
        value = value.get(name) if isinstance(value, dict) else None
    return isinstance(value, (int, float)) and value > more
