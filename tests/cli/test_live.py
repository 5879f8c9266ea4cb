import io
import json
from itertools import islice
from typing import Any

import pytest
from rich.console import Console
from tests.cli.conftest import Patch, Terminal

from egizcore import cli, console
from egizcore.cli.live import _paint, board, degraded, follow, stations
from egizcore.client import Unreachable


def test_watch_hands_on_what_was_typed(stand_in: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = stand_in(console, "watch")
    assert cli.run(["watch", "--filter", '{"type": "oven"}']) == 0
    assert watch.arguments == ("http://127.0.0.1:8080",)
    assert watch.options == {"kind": None, "filter": {"type": "oven"}}
    assert cli.run(["watch", "--type", "oven", "--url", "http://a"]) == 0
    assert watch.options == {"kind": "oven", "filter": None}
    monkeypatch.setenv("EGIZCORE_URL", "http://b")
    assert cli.run(["watch"]) == 0
    assert watch.arguments == ("http://b",)


@pytest.mark.parametrize("text", ["{", "[]", "5", "[" * 100_000])
def test_a_filter_that_is_no_json_object_is_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["watch", "--filter", text]) == 2
    assert "'--filter': write a JSON object, such as" in capsys.readouterr().err


async def test_in_a_pipe_top_is_a_line_a_second(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.cli.live.PERIOD", 0.05)
    told = await terminal.type("top", "--count", "3")
    readings = [json.loads(line) for line in told.out.splitlines()]
    assert (told.code, told.err, len(readings)) == (0, "", 3)
    assert {(one["status"], one["things"], one["clients"]) for one in readings} == {("ok", 4, 0)}
    assert all(one["requestsPerSecond"] > 0 for one in readings[1:])
    assert all(list(stations(one)) for one in readings)


async def test_on_a_terminal_top_is_a_screen(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.cli.live.PERIOD", 0.05)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    told = await terminal.type("top", "--count", "1")
    assert told.code == 0
    assert "things 4" in told.out


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://[fe80::1]:8080", "http://[fe80::1]:8080"),
        ("http://me:hunter2@a/[/x]", "http://***@a/[/x]"),
        ("http://a/\x1b[2J", "http://a/·[2J"),
    ],
)
def test_while_it_measures_the_address_is_shown_as_it_is(
    url: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    _paint(iter(()), url)
    told = capsys.readouterr().out
    assert f"{shown}: measuring for a second" in told
    assert "hunter2" not in told


async def test_a_terminal_that_cannot_be_painted_gets_lines(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.cli.live.PERIOD", 0.05)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    told = await terminal.type("top", "--count", "2")
    assert [json.loads(line)["things"] for line in told.out.splitlines()] == [4, 4]


def test_top_needs_an_engine_to_begin_with(
    unused_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["top", "--url", f"http://127.0.0.1:{unused_tcp_port}"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "Nothing answers at" in told.err


class Scripted:
    """An engine whose answers to ``/metrics`` are told beforehand; None: it is gone."""

    def __init__(self, *things: int | None) -> None:
        self._things = list(things)

    def text(self, path: str) -> str:
        if path == "/health":
            return '{"status": "ok", "version": "1", "uptimeSeconds": 5, "components": {}}'
        things = self._things.pop(0)
        if things is None:
            raise Unreachable("Nothing answers.")
        return f"egizcore_things {things}\n"


def test_an_engine_that_goes_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("egizcore.cli.live.PERIOD", 0.0)
    engine: Any = Scripted(1, 2, None, None, 3, 4, 5)
    assert [one["things"] for one in islice(follow(engine), 3)] == [2, 4, 5]
    assert capsys.readouterr().err == "Nothing answers. Trying again.\nIt is there again.\n"


READING: dict[str, Any] = {
    "status": "degraded", "version": "1", "uptimeSeconds": 3600.5, "things": 40,
    "messagesPerSecond": 1234.5, "rejectedPerSecond": 0.0, "updatesPerSecond": 10.0,
    "eventsPerSecond": 10.0, "queueDepthBytes": 2048, "devices": 3, "reconnects": 2,
    "links": {"mqtt": True, "plant": False}, "clients": 2, "slowClients": 1, "sentPerSecond": 20.0,
    "conflatedPerSecond": 1.5, "latencyP50Ms": 0.41, "latencyP99Ms": None,
    "requestsPerSecond": 2.0, "commandsPerSecond": 0.0, "historyPerSecond": 5.0,
    "historyQueueDepth": 1500, "historyDropped": 0, "errors": 1,
    "degraded": {"history": "the disk is full"},
}  # fmt: skip


def test_the_board_says_what_is_wrong() -> None:
    screen = Console(width=120, record=True, file=io.StringIO())
    screen.print(board(READING, "http://me:hunter2@a/[/x]"))
    told = screen.export_text()
    for text in (
        "EgizCore 1 at http://***@a/[/x]: degraded, up 3,600 s", "messages 1,234.5/s",
        "waiting 2,048 B", "mqtt up", "plant DOWN", "reconnects 2", "conflated 1.5/s", "slow 1",
        "p50 0.41 ms", "p99 -", "waiting 1,500", "history: the disk is full",
    ):  # fmt: skip
        assert text in told


def test_without_a_broker_there_is_no_line_of_links() -> None:
    names = [name for name, *_ in stations({**READING, "links": {}})]
    assert "brokers" not in names


def test_only_what_is_degraded_is_told() -> None:
    components = {
        "mqtt": {"status": "degraded", "message": "connection refused"},
        "endpoint": {"status": "ok"},
        "history": {"status": "disabled"},
    }
    assert degraded({"components": components}) == {"mqtt": "connection refused"}
