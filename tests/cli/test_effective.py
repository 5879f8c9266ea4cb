from typing import Any

import msgspec
import pytest

from egizcore.cli.effective import Told, effective
from egizcore.quantity import Secret
from egizcore.settings import Loaded, Settings, load


def told(environ: dict[str, str], flags: dict[str, str] | None = None) -> dict[str, Told]:
    return {one.key: one for one in effective(load(environ=environ, flags=flags))}


def test_every_setting_of_every_section_is_told_with_its_default() -> None:
    found = told({})
    assert {key.partition(".")[0] for key in found} == set(Settings.__struct_fields__)
    assert found["http.port"] == ("http.port", 8080, "default")
    assert {one.source for one in found.values()} == {"default"}
    assert found["stream.client_buffer"].value == "256KiB"


def test_who_set_it_last_is_named() -> None:
    environ = {"EGIZCORE_HTTP__PORT": "1", "EGIZCORE_HTTP__HOST": "localhost"}
    found = told(environ, {"http.port": "2"})
    assert found["http.port"] == ("http.port", 2, "the command line")
    assert found["http.host"].source == "EGIZCORE_HTTP__HOST"


def test_a_password_in_an_address_is_masked() -> None:
    links = '{"b": {"url": "mqtt://u:secret1@b"}}'
    found = told({"EGIZCORE_MQTT__URL": "mqtt://u:secret2@a", "EGIZCORE_MQTT__CONNECTIONS": links})
    assert found["mqtt.url"].value == "mqtt://***@a"
    assert found["mqtt.connections.b.url"].value == "mqtt://***@b"
    assert found["mqtt.connections.b.url"].source == "EGIZCORE_MQTT__CONNECTIONS"
    assert "secret" not in repr(found)


def test_a_map_that_several_filled_names_them_all() -> None:
    environ = {
        "EGIZCORE_MQTT__DEVICES__A": "f:a",
        "EGIZCORE_MQTT__DEVICES__B": "f:b",
    }
    found = told(environ)["mqtt.devices"]
    assert found.value == {"a": "f:a", "b": "f:b"}
    assert found.source == ", ".join(environ)


def test_every_value_is_json() -> None:
    routes = '[{"topic": "a/{device}", "thing": "f:{device}"}]'
    found = told({"EGIZCORE_MQTT__ROUTES": routes})
    document: dict[str, Any] = {key: one.value for key, one in found.items()}
    assert msgspec.json.decode(msgspec.json.encode(document)) == document
    (route,) = found["mqtt.routes"].value
    assert route["topic"] == "a/{device}"


def test_a_secret_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(environ={})
    http = msgspec.structs.replace(loaded.settings.http, host=Secret("secret"))
    whole = Loaded(msgspec.structs.replace(loaded.settings, http=http), {})
    assert {one.key: one.value for one in effective(whole)}["http.host"] == "***"
