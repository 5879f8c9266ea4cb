import json
from pathlib import Path

import pytest

from egizcore import cli


def test_check_config_says_ok_and_what_the_settings_come_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["check-config", "--port", "9000"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("ok\n  http: host 127.0.0.1, port 9000")
    assert told.err == ""


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('mqtt.routes=[{"topic": "{device}", "thing": "f:{x}"}]',
         "mqtt.routes[0].thing: nothing captures {x}"),
        ('mqtt.devices={"esp": "no id"}', "mqtt.devices.esp: 'no id' is no Thing id"),
        ("mqtt.password_file=missing", "mqtt.password_file: cannot read missing"),
        ('mqtt.connections={"b": {"url": "mqtt://u@h", "password_file": "missing"}}',
         "mqtt.password_file: cannot read missing"),
    ],
)  # fmt: skip
def test_check_config_says_ok_to_nothing_that_serve_would_refuse(
    setting: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = ["--set", "mqtt.url=mqtt://localhost", "--set", "mqtt.username=plant"]
    assert cli.run(["check-config", *broker, "--set", setting]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {told}")
    assert said.err.count("\n") == 1


def test_check_config_warns_where_routes_overlap_in_part(
    capsys: pytest.CaptureFixture[str],
) -> None:
    routes = '[{"topic": "{device}/+/c"}, {"topic": "a/{device}/+"}]'
    assert cli.run(["check-config", "--set", f"mqtt.routes={routes}"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("ok\n")
    assert told.err.startswith("warning: ")


def test_a_wrong_setting_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check-config", "--set", "http.prot=1"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "error: the command line: unknown setting 'http.prot': did you mean 'http.port'?\n"
    )


def test_config_show_tells_each_setting_and_who_set_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("egizcore.yaml").write_text("limits: {features: 9}", "utf-8")
    monkeypatch.setenv("EGIZCORE_MQTT__URL", "mqtt://me:secret@plant")
    assert cli.run(["config", "show", "--port", "9000"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["http.port"] == {"value": 9000, "source": "the command line"}
    assert told["limits.features"] == {"value": 9, "source": "egizcore.yaml"}
    assert told["mqtt.url"] == {"value": "mqtt://***@plant", "source": "EGIZCORE_MQTT__URL"}
    assert told["endpoint.port"] == {"value": 1883, "source": "default"}


@pytest.mark.parametrize("form", ["table", "ndjson", "csv"])
def test_config_show_has_other_forms(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "show", "-o", form]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    told = {
        "table": ("key value source", "http.host 127.0.0.1 default"),
        "csv": ("key,value,source", "http.host,127.0.0.1,default"),
        "ndjson": (
            '{"key": "http.host", "value": "127.0.0.1", "source": "default"}',
            '{"key": "http.port", "value": 8080, "source": "default"}',
        ),
    }
    assert (" ".join(first.split()), " ".join(second.split())) == told[form]


def test_config_show_refuses_what_serve_would(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "show", "--set", "http.prot=1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
