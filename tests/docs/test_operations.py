import asyncio
import re
from pathlib import Path

import httpx
import pytest
from tests.docs.conftest import Demo
from tests.docs.pages import PAGES, code, name_of, rows, section, text_of

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
