"""Health, readiness, metrics, and the path that is a WebSocket."""

from tests.rest.served import World
from tests.rest.test_things import is_problem


async def test_health_is_the_document_that_the_engine_gives() -> None:
    async with World().client() as client:
        answer = await client.get("/health")
        assert answer.status_code == 200
        assert answer.json()["version"] == "1.2.3"
        assert answer.json()["things"] == 0


async def test_ready_is_200_or_503() -> None:
    world = World()
    async with world.client() as client:
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        world.is_ready = False
        assert is_problem(await client.get("/health/ready"), 503, "not_ready")
        assert (await client.get("/health")).status_code == 200


async def test_metrics_are_prometheus_text() -> None:
    async with World().client() as client:
        answer = await client.get("/metrics", headers={"accept": "application/openmetrics-text"})
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.text.startswith("# HELP")


async def test_the_websockets_path_asks_for_an_upgrade() -> None:
    async with World().client() as client:
        answer = await client.get("/api/v1/ws")
        assert is_problem(answer, 426, "upgrade_required")
        assert answer.headers["upgrade"] == "websocket"
