"""History without a store: a 503 for whoever asks rightly."""

import pytest
from tests.rest.served import World
from tests.rest.test_things import is_problem

URL = "/api/v1/things/f:oven/history"


@pytest.mark.parametrize(
    "query",
    ["", "?from=2026-01-27T00:00:00Z&to=2026-01-27T12:00:00Z&feature=electrical", "?from=-1h",
     "?feature=a&feature=b&property=voltage.a", "?every=1m&aggregate=mean&order=desc&limit=10000",
     "?format=csv&shape=wide"],
)  # fmt: skip
async def test_no_store_is_a_503(query: str) -> None:
    async with World().client() as client:
        await client.put("/api/v1/things/f:oven", json={"type": "oven"})
        answer = await client.get(URL + query, headers={"accept": "text/csv"})
        assert is_problem(answer, 503, "history_unavailable")


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=", "from=-1y", "feature=a.b", "every=1", "every=1m", "aggregate=mean",
     "every=1m&aggregate=median", "limit=10001", "limit=0", "order=up", "format=xml", "shape=round",
     "from=-1h&from=-2h", "until=-1h", "from=2026-02-30T00:00:00Z"],
)  # fmt: skip
async def test_wrong_ranges_and_names_are_400(query: str) -> None:
    async with World().client() as client:
        assert is_problem(await client.get(f"{URL}?{query}"), 400, "validation_failed")
