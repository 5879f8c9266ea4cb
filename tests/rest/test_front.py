"""What holds on every path: HEAD, OPTIONS, hosts, origins, and a problem for every error."""

import json
from typing import Any, NoReturn

import pytest
import structlog
from tests.rest.served import World
from tests.rest.test_things import is_problem

from egizcore.rest import HttpSettings

ORIGIN = "https://plant.example"
SETTINGS = HttpSettings(allowed_origins=[ORIGIN])


async def test_head_works_where_get_does_with_the_same_fields_and_no_body() -> None:
    async with World().client() as client:
        await client.put("/api/v1/things/f:a", json={"type": "oven"})
        for path in (
            "/api/v1/things", "/api/v1/things/f:a", "/api/v1/things/f:a/features", "/health",
            "/health/ready", "/openapi.json", "/docs", "/docs/errors", "/api/v1/things/f:no",
            "/api/v1/things?limit=0", "/nothing", "/api/v1/ws", "/api/v1/ingest/rejected",
        ):  # fmt: skip
            head, got = await client.head(path), await client.get(path)
            assert head.content == b""
            assert (head.status_code, head.headers) == (got.status_code, got.headers), path
            assert head.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize(
    "path",
    ["/", "/nothing", "/api", "/api/v1", "/api/v1/", "/api/v1/things/", "//api/v1/things",
     "/api//v1/things", "/api/v1/things/f:a/", "/api/v1/things/f:a/nothing", "/docs/../etc/passwd",
     "/docs/%2e%2e/%2e%2e/etc/passwd", "/docs/nothing.js", "/api/v1/things/f:a/features/b/c"],
)  # fmt: skip
async def test_an_unknown_path_is_a_404(path: str) -> None:
    async with World().client() as client:
        await client.put("/api/v1/things/f:a", json={"type": "oven"})
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        assert is_problem(await client.send(request), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/api/v1/things", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/v1/things/f:a", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("GET", "/api/v1/query", "OPTIONS, POST"),
        ("HEAD", "/api/v1/query", "OPTIONS, POST"),
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/metrics", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_a_405(
    method: str, path: str, allow: str
) -> None:
    async with World().client() as client:
        answer = await client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == allow
        if method != "HEAD":
            assert is_problem(answer, 405, "method_not_allowed")
        options = await client.options(path)
        assert (options.status_code, options.headers["allow"]) == (204, allow)


async def test_a_client_that_takes_no_json_gets_a_406_and_nothing_happens() -> None:
    world = World()
    async with world.client() as client:
        accept = {"accept": "text/html"}
        answer = await client.put("/api/v1/things/f:a", json={"type": "oven"}, headers=accept)
        assert is_problem(answer, 406, "not_acceptable")
        assert not world.store.things
        assert (await client.get("/metrics", headers=accept)).status_code == 200


async def test_a_foreign_host_is_refused_on_every_path() -> None:
    world = World()
    async with world.client() as client:
        for path in ("/health", "/docs", "/api/v1/things", "/nothing"):
            answer = await client.get(path, headers={"host": "evil.example"})
            assert is_problem(answer, 400, "bad_host")


async def test_a_preflight_of_an_allowed_origin_is_answered_without_credentials() -> None:
    async with World(SETTINGS).client() as client:
        asked = {"origin": ORIGIN, "access-control-request-method": "PUT"}
        answer = await client.options("/api/v1/things/f:a", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "PUT" in answer.headers["access-control-allow-methods"]
        assert "If-Match" in answer.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in answer.headers


async def test_an_allowed_origin_sees_etag_and_location_also_of_problems() -> None:
    async with World(SETTINGS).client() as client:
        for path in ("/api/v1/things", "/api/v1/things/f:no"):
            answer = await client.get(path, headers={"origin": ORIGIN})
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert answer.headers["access-control-expose-headers"] == "ETag, Location"
            assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://plant.example", "*"])
async def test_another_origin_is_told_nothing(origin: str) -> None:
    async with World(SETTINGS).client() as client:
        asked = {"origin": origin, "access-control-request-method": "PUT"}
        for answer in (
            await client.options("/api/v1/things/f:a", headers=asked),
            await client.get("/health", headers=asked),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert answer.headers["vary"] == "Origin"


async def test_an_unexpected_error_is_a_500_without_a_traceback_and_is_counted() -> None:
    def broken() -> NoReturn:
        raise RuntimeError("secret of the house")

    world = World(health=broken)
    with structlog.testing.capture_logs() as lines:
        async with world.client() as client:
            answer = await client.get("/health")
    assert is_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert world.failures == 1
    assert lines[0]["log_level"] == "error"


async def test_every_answer_is_measured_by_method_template_and_status() -> None:
    world = World()
    async with world.client() as client:
        await client.put("/api/v1/things/f:a", json={"type": "oven"})
        await client.get("/api/v1/things/f:no")
        await client.head("/health")
        await client.get("/nothing")
        await client.request("TRACE", "/health")
    assert world.answers == [
        ("PUT", "/api/v1/things/{id}", 201),
        ("GET", "/api/v1/things/{id}", 404),
        ("HEAD", "/health", 200),
        ("GET", "other", 404),
        ("other", "other", 405),
    ]


async def test_a_body_that_breaks_off_changes_nothing() -> None:
    world = World()
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/things", "raw_path": b"/api/v1/things",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await world.app(scope, receive, send)
    assert json.loads(sent[1]["body"])["code"] == "bad_request"
    assert not world.store.things
    assert world.failures == 0
