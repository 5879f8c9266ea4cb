import json
import re

from tests.docs.pages import ROOT, blocks, code, rows, section
from tests.rest.served import World

from egizcore.errors import EgizError, VersionConflict
from egizcore.history import reader
from egizcore.rest import history, history_query, sample
from egizcore.rest.app import routes
from egizcore.rest.guard import Bounds
from egizcore.rest.listing import read_query
from egizcore.rest.problem import CODES, refusal_of
from egizcore.thing.comparison import MAX_VALUES
from egizcore.thing.filter import MAX_LEVELS, MAX_TERMS, compile_filter
from egizcore.thing.like import MAX_PATTERN
from egizcore.thing.path import MAX_SEGMENTS

PAGE = "docs/protocol/rest.md"
WS = "docs/protocol/ws.md"


def errors_of(kind: type[EgizError]) -> set[str]:
    below = [errors_of(one) for one in kind.__subclasses__()]
    return {kind.code}.union(*below)


def told_routes() -> dict[str, set[str]]:
    """``GET /health`` → what stands in code beside it."""
    return {code(cells[0])[0]: set(code(cells[1])) for cells in rows(section(PAGE, "Routes"))}


def test_the_page_has_every_route_and_no_other() -> None:
    known = {
        f"{one.method} {one.path.replace(':str', '')}"
        for one in routes(World().parts)
        if not one.path.startswith("/docs/") or one.path == "/docs/errors"
    }
    assert set(told_routes()) - {"GET /"} == known


def test_the_page_has_the_console_that_the_engine_mounts() -> None:
    assert "`/console/`" in section(PAGE, "Routes")
    assert "GET /" in told_routes()


def test_the_page_names_every_query_parameter() -> None:
    told = told_routes()
    for one in routes(World().parts):
        if one.query:
            path = one.path.replace(":str", "")
            assert one.query <= told[f"{one.method} {path}"], path


def test_the_pages_have_every_error_code_with_its_status_and_no_other() -> None:
    told = {code(cells[1])[0]: int(cells[0]) for cells in rows(section(PAGE, "Errors"))}
    assert told == {name: row.status for name, row in CODES.items()}
    commands = {code(cells[0])[0] for cells in rows(section(WS, "Error codes"))}
    at_start = {"startup_failed", "settings_invalid"}
    assert set(told) | commands | at_start == set(CODES) | errors_of(EgizError)


def test_the_problem_on_the_page_is_what_a_stale_version_gets() -> None:
    (shown,) = [
        json.loads(one.text)
        for one in blocks(ROOT / PAGE)
        if one.language == "json" and '"code": "version_conflict"' in one.text
    ]
    _, _, body = refusal_of(VersionConflict("factory:oven-001", 7, 8))
    assert shown == json.loads(body)


def test_the_query_on_the_page_is_taken() -> None:
    (shown,) = [one.text for one in blocks(ROOT / PAGE) if '"sort": ' in one.text]
    asked = read_query(json.loads(shown))
    assert asked.limit == 50


def test_the_page_has_the_bounds_of_history_as_they_are() -> None:
    text = " ".join(section(PAGE, "History").split())
    for told in (
        f"1 to {history_query.MAX_LIMIT:,}, by default {history_query.DEFAULT_LIMIT:,}",
        f"May repeat, up to {history_query.MAX_CHOSEN} times",
        f"ends early at {history.PAGE_BYTES >> 20} MiB",
        f"at most {history.MAX_COLUMNS:,} (else 400 `limit_exceeded`)",
        (
            f"{reader.AT_ONCE} questions run, {reader.MAX_WAITING} wait up to "
            f"{reader.TURN_SECONDS:g} s"
        ),
        f"`history_timeout` after {reader.SECONDS:g} s",
    ):
        assert told in text


def test_the_history_on_the_page_is_the_one_of_the_description() -> None:
    text = section(PAGE, "History")
    shown = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])
    assert shown == {**sample.HISTORY, "items": sample.HISTORY["items"][1:]}
    table = re.findall(r"```\n(timestamp,.*?)```", text, re.DOTALL)[0]
    lines = sample.HISTORY_LONG.splitlines()
    assert table.splitlines() == [lines[0], *(line for line in lines if ",thermal," in line)]


def test_the_filters_on_the_page_compile() -> None:
    text = section(PAGE, "Filters")
    (shown,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert compile_filter(json.loads(shown)).reads == frozenset({"thermal", "status"})


def test_the_page_has_every_operator_of_filters() -> None:
    from egizcore.thing.comparison import _BUILDERS

    told = {name for cells in rows(section(PAGE, "Filters")) for name in code(cells[0])}
    assert told == set(_BUILDERS)


def test_the_page_has_the_bounds_as_they_are() -> None:
    bounds = Bounds()
    text = section(PAGE, "Bounds")
    for told in (
        f"Request target | {bounds.target >> 10} KiB",
        f"Header | {bounds.header >> 10} KiB, whole within {bounds.header_seconds} s",
        f"Body | {bounds.body >> 20} MiB, whole within {bounds.body_seconds} s",
        f"bulk {bounds.bulk_body >> 20} MiB",
        f"dropped after {bounds.unread_seconds} s",
    ):
        assert told in text
    filters = " ".join(section(PAGE, "Filters").split())
    assert (
        f"more than {MAX_SEGMENTS} segments, {MAX_LEVELS} levels, {MAX_TERMS} terms, "
        f"{MAX_VALUES:,} values in `$in` or `$nin`, or {MAX_PATTERN} characters in `$like`"
    ) in filters
