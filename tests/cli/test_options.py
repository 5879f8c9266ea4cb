import click
import pytest

from egizcore import cli
from egizcore.cli.options import flags, read_filter


def test_flags_are_settings() -> None:
    assert flags("localhost", "9", ("mqtt.url=mqtt://a?b=c", "limits.thing=")) == {
        "http.host": "localhost",
        "http.port": "9",
        "mqtt.url": "mqtt://a?b=c",
        "limits.thing": "",
    }
    assert flags(None, None, ()) == {}


def test_the_short_flag_is_above_the_long_one() -> None:
    assert flags(None, "9", ("http.port=8",)) == {"http.port": "9"}


@pytest.mark.parametrize("typed", ["port=1", "http.port", ".a=1", "a.=1", "=1"])
def test_what_is_no_setting_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter, match=r"write SECTION\.KEY=VALUE"):
        flags(None, None, (typed,))


def test_a_filter_is_an_object() -> None:
    assert read_filter('{"type": "oven"}', "it") == {"type": "oven"}
    for text in ("", "null", "[]", "{", "[" * 100_000):
        with pytest.raises(click.BadParameter, match="write a JSON object"):
            read_filter(text, "it")


@pytest.mark.parametrize("arguments", [["get"], ["query"], ["set", "f:a", "a.b=1"],
                                       ["history", "f:a"], ["top"]])  # fmt: skip
def test_where_the_engine_is_may_stand_in_the_environment(
    arguments: list[str],
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EGIZCORE_URL", f"http://127.0.0.1:{unused_tcp_port}")
    assert cli.run(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"Nothing answers at http://127.0.0.1:{unused_tcp_port} (" in told.err
