import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from tests.docs.conftest import Demo
from tests.docs.pages import PAGES, ROOT, blocks, code, name_of, rows, section, text_of
from tests.running import running

from egizcore import cli
from egizcore.errors import SettingsInvalid, StartupFailed

PAGE = "docs/operations.md"


def documented() -> dict[str, str]:
    return {code(cells[0])[0]: cells[1] for cells in rows(section(PAGE, "Metrics"))}


async def exposed(demo: Demo) -> tuple[dict[str, str], str]:
    """Name → type of every metric, and the whole text."""
    async with httpx.AsyncClient(base_url=demo.adapt("http://localhost:8080")) as client:
        text = (await client.get("/metrics")).text
    heads = [line.split() for line in text.splitlines() if line.startswith("# TYPE ")]
    return {name: kind for _, _, name, kind in heads}, text


async def test_the_page_has_every_metric_with_its_type_and_no_other(demo: Demo) -> None:
    kinds, _ = await exposed(demo)
    assert documented() == kinds


async def test_the_page_names_every_label(demo: Demo) -> None:
    _, text = await exposed(demo)
    told = {code(cells[0])[0]: set(code(cells[2])) for cells in rows(section(PAGE, "Metrics"))}
    for line in text.splitlines():
        name, brace, rest = line.partition("{")
        if line.startswith("#") or not brace:
            continue
        metric = name if name in told else name.rpartition("_")[0]
        labels = {one.partition("=")[0] for one in rest.partition("}")[0].split(",")} - {"le"}
        assert labels <= told[metric], line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_metric_that_is_not_there(page: Path) -> None:
    assert set(re.findall(r"`(egizcore_[a-z_]+)", page.read_text())) <= set(documented())


async def test_the_page_names_every_component_of_health(demo: Demo) -> None:
    async with httpx.AsyncClient(base_url=demo.adapt("http://localhost:8080")) as client:
        health, ready = await asyncio.gather(client.get("/health"), client.get("/health/ready"))
    assert ready.status_code == 200
    told = section(PAGE, "Health")
    for name in (*health.json(), *health.json()["components"]):
        assert f'"{name}"' in told


def test_the_page_names_the_errors_of_the_start() -> None:
    for error in (StartupFailed, SettingsInvalid):
        assert f"`{error.code}`" in text_of(PAGE)


LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
LOGS = {"log", "_log", "tell"}  # `tell` is a method of a log that was chosen before


def logged() -> Iterator[tuple[str, str]]:
    """What each line of the log begins with, wherever the code writes one, and its level."""
    for file in (ROOT / "src").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            name, _, method = ast.unparse(call.func).partition(".")
            text = call.args[0]
            if name in LOGS and method in ("", *LEVELS) and isinstance(text, ast.Constant):
                yield str(text.value), "error" if method == "exception" else method


def test_the_page_has_every_line_of_the_log_with_its_level_and_no_other() -> None:
    told = {line: cells[1] for cells in rows(section(PAGE, "Log")) for line in code(cells[0])}
    lines = list(logged())
    assert set(told) == {line for line, _ in lines}
    for line, level in lines:
        assert level in ("", told[line]), line


async def test_the_copy_that_the_page_makes_is_a_history(demo: Demo) -> None:
    page = ROOT / PAGE
    (command,) = [block.text for block in blocks(page) if "source.backup(copy)" in block.text]
    done = await asyncio.to_thread(demo.run, "sh", "-e", "-c", demo.adapt(command))
    assert done.stdout == "saved ok\n"
    history = {"backend": "sqlite", "path": str(demo.folder / "backup.db")}
    async with running(history=history) as restored:
        answer = await restored.http.get("/api/v1/things/factory:oven-001/history")
    assert answer.json()["items"]


def test_the_page_has_every_alert_and_no_other() -> None:
    rules = yaml.safe_load(text_of("deploy/prometheus/rules.yml"))
    known = {
        rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule
    }
    assert {code(cells[0])[0] for cells in rows(section(PAGE, "Alerts"))} == known


def test_the_page_has_every_command() -> None:
    told = text_of(PAGE)
    for name in cli.COMMANDS:
        assert re.search(rf"`(?:egizcore )?{name}\b|`egizcore [^`]*\b{name}\b", told), name
