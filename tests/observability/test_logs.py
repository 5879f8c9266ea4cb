import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from egizcore.observability import LogFormat
from egizcore.observability.logs import Log, configure
from egizcore.quantity import Secret

TALKERS = ("uvicorn", "httpx", "httpcore")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, talkers = logging.getLogger(), [logging.getLogger(name) for name in TALKERS]
    handlers, levels = root.handlers, [one.level for one in (root, *talkers)]
    yield
    root.handlers = handlers
    for one, level in zip((root, *talkers), levels, strict=True):
        one.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe whose reader has ended, or a disk that is full."""

    def write(self, _text: str, /) -> int:
        raise BrokenPipeError


def told(write: Callable[[structlog.stdlib.BoundLogger], object], form: LogFormat = "json") -> str:
    stream = io.StringIO()
    configure("info", form, stream)
    write(structlog.get_logger("egizcore.mqtt"))
    return stream.getvalue()


def test_a_json_line_has_time_level_room_and_facts() -> None:
    line = json.loads(told(lambda log: log.info("link up", broker="a:1883", tries=3)))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "link up",
        "level": "info",
        "logger": "egizcore.mqtt",
        "broker": "a:1883",
        "tries": 3,
    }


def test_a_console_line_is_plain_without_a_terminal() -> None:
    line = told(lambda log: log.warning("link down", broker="a:1883"), "console")
    assert "link down" in line
    assert "broker=a:1883" in line
    assert "\x1b" not in line


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_no_color_is_set(
    no_color: str, *, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    stream = Terminal()
    configure("info", "console", stream)
    structlog.get_logger().info("ready")
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure("warning", "json", stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("asyncio").info("quiet")
    structlog.get_logger().warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_the_standard_librarys_loggers_end_in_the_same_log() -> None:
    line = told(lambda _: logging.getLogger("asyncio").error("task %s died", "pump"))
    assert json.loads(line)["event"] == "task pump died"
    assert json.loads(line)["logger"] == "asyncio"


def test_uvicorn_says_no_start_and_stop_of_its_own() -> None:
    assert not told(lambda _: logging.getLogger("uvicorn.error").info("Started server process"))
    assert told(lambda _: logging.getLogger("uvicorn.error").warning("odd"))


@pytest.mark.parametrize("name", ["httpx", "httpcore.connection"])
def test_a_request_of_ours_is_no_line(name: str) -> None:
    stream = io.StringIO()
    configure("debug", "json", stream)
    logging.getLogger(name).info("HTTP Request: POST http://collector:4318/v1/metrics")
    logging.getLogger(name).debug("send_request_headers.started")
    assert not stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "facts",
    [
        {"password": "hunter2"},
        {"api_key": "hunter2"},
        {"Authorization": "Bearer hunter2"},
        {"payload": {"temperature": "hunter2"}},
        {"key": Secret("hunter2")},
        {"url": "mqtt://user:hunter2@broker:1883"},
        {"url": "mqtt://user:hun@hunter2@broker:1883"},
        {"path": "/api/v1/ws?token=hunter2&x=1"},
        {"url": "http://user:hunter2@collector:4318/v1/metrics"},
        {"password_file_content": "hunter2"},
        {"cookie": "session=hunter2"},
        {"headers": {"authorization": "Basic hunter2"}},
        {"header": "X-API-Key: hunter2"},
        {"header": "authorization: bearer hunter2"},
        {"settings": {"mqtt": {"password": "hunter2"}}},
        {"error": ValueError("mqtt://u:hunter2@h is down")},
    ],
)
def test_no_secret_is_written(form: LogFormat, facts: dict[str, object]) -> None:
    line = told(lambda log: log.error("something", **facts), form)
    assert "something" in line
    assert "hunter2" not in line


def test_no_secret_is_written_by_the_standard_librarys_loggers() -> None:
    line = told(lambda _: logging.getLogger("x").error("GET /?token=%s", "hunter2"))
    assert "***" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("text", ["a\r\nforged", "a\nforged", "a\x1b[2Jforged", "a\u2028forged"])
def test_nobody_can_forge_a_line_or_steer_the_terminal(form: LogFormat, text: str) -> None:
    lines = told(lambda log: log.error(text, client_id=text, error=ValueError(text)), form)
    assert len(lines.splitlines()) == 1
    assert "\x1b" not in lines


def fail(log: structlog.stdlib.BoundLogger) -> None:
    try:
        int("token=hunter2\r\nforged\n2026-01-01 [info] forged")
    except ValueError:
        log.exception("died")


def test_a_traceback_is_written_with_every_line_marked_as_its_own() -> None:
    first, *rest = told(fail, "console").splitlines()
    assert "died" in first
    assert all(line.startswith("  | ") for line in rest)
    assert "hunter2" not in "".join(rest)


def test_a_traceback_is_one_line_of_json() -> None:
    line = told(fail)
    assert len(line.splitlines()) == 1
    assert "ValueError" in json.loads(line)["exception"]


def test_a_log_that_nobody_takes_costs_only_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure("info", "json", Gone())
    for _ in range(3):
        structlog.get_logger().info("anyone?")
    assert isinstance(log, Log)
    assert log.lost == 3
    assert capsys.readouterr().err == ""


def test_configuring_again_replaces_the_log() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure("info", "json", first)
    configure("info", "json", second)
    structlog.get_logger().info("once")
    assert not first.getvalue()
    assert len(second.getvalue().splitlines()) == 1
