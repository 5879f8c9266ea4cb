"""The dashboard: its form, and what it asks, answered by a real Prometheus over a real scrape."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.deploy.programs import DEPLOY, document, program, until
from tests.live.servers import Server, free_port
from tests.running import running

DASHBOARD: dict[str, Any] = json.loads(
    (DEPLOY / "grafana" / "dashboards" / "egizcore.json").read_text()
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SCRAPES = 3


def expressions() -> Iterator[tuple[str, str]]:
    """Title of the panel, and what it asks, with Grafana's variables filled in."""
    for panel in PANELS:
        for target in panel.get("targets", ()):
            asked = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "10s")
            assert "$" not in asked
            yield panel["title"], asked


def test_panels_lie_side_by_side_and_cover_no_other() -> None:
    covered: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert all(0 <= x < 24 for x, _ in cells)
        assert not cells & covered, panel["title"]
        covered |= cells


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["targets"]
            unit = panel["fieldConfig"]["defaults"].get("unit") or panel["options"]["yAxis"]["unit"]
            assert unit


def test_every_panel_asks_a_data_source_that_is_provisioned() -> None:
    sources = document("grafana/provisioning/datasources/egizcore.yaml")["datasources"]
    kinds = {one["uid"]: one["type"] for one in sources}
    asked = [*PANELS, *(target for panel in PANELS for target in panel.get("targets", ()))]
    for one in (*asked, *DASHBOARD["templating"]["list"]):
        if one.get("type") != "row":
            assert kinds[one["datasource"]["uid"]] == one["datasource"]["type"]


def test_the_dashboard_lies_where_grafana_looks() -> None:
    (provider,) = document("grafana/provisioning/dashboards/egizcore.yaml")["providers"]
    grafana = document("compose.yaml")["services"]["grafana"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/egizcore.json"


def test_the_data_sources_variables_are_set() -> None:
    text = (DEPLOY / "grafana" / "provisioning" / "datasources" / "egizcore.yaml").read_text()
    grafana = document("compose.yaml")["services"]["grafana"]
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= grafana["environment"].keys()
    for path in re.findall(r"\$__file\{/run/secrets/(\w+)\}", text):
        assert path in grafana["secrets"]


async def test_every_metric_of_egizcore_is_on_the_dashboard_and_no_other() -> None:
    shown = set(
        re.findall(r"\b(?:egizcore|process)_\w+", " ".join(asked for _, asked in expressions()))
    )
    shown = {re.sub("_(bucket|count)$", "", name) for name in shown}
    async with running() as engine:
        text = (await engine.http.get("/metrics")).text
    assert shown == set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))


async def test_every_expression_finds_something_in_a_real_prometheus(tmp_path: Path) -> None:
    program("prometheus")
    async with running(mqtt={"url": "mqtt://127.0.0.1:1"}) as engine:
        await engine.http.get("/api/v1/things/no:body")  # an answer that is no 2xx
        server = await scraping(tmp_path, engine.address)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:

                async def scraped() -> bool:
                    enough = f"count_over_time(egizcore_things[1m]) >= {SCRAPES}"
                    recorded = "egizcore:errors:ratio_rate5m"
                    return bool(await found(http, enough) and await found(http, recorded))

                await until(scraped)
                empty = [one for one in expressions() if not await found(http, one[1])]
                names = await http.get("/api/v1/label/instance/values")
        finally:
            await server.kill()
        assert empty == []
        assert names.json()["data"] == [engine.address]


async def scraping(folder: Path, target: str) -> Server:
    """A Prometheus with our rules that scrapes *target*, ten times as often as ours."""
    config = document("prometheus/prometheus.yml")
    config["global"] = {
        "scrape_interval": "500ms",
        "scrape_timeout": "400ms",
        "evaluation_interval": "500ms",
    }
    config["rule_files"] = [str(DEPLOY / "prometheus" / "rules.yml")]
    config["scrape_configs"] = config["scrape_configs"][:1]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    file = folder / "prometheus.yml"
    await asyncio.to_thread(file.write_text, yaml.safe_dump(config))
    port = free_port()
    server = Server.of(
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        port=port,
    )
    await server.start()
    return server


async def found(http: httpx.AsyncClient, query: str) -> list[Any]:
    """What Prometheus answers to *query* now."""
    answer = (await http.get("/api/v1/query", params={"query": query})).json()
    assert answer["status"] == "success", (query, answer)
    result: list[Any] = answer["data"]["result"]
    return result
