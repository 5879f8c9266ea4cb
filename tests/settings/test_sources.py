import os
from pathlib import Path

import pytest
from tests.settings.given import fault, given

from egizcore.errors import SettingsInvalid
from egizcore.settings import Settings, load


def test_without_sources_the_defaults_of_the_contract_hold() -> None:
    settings = load(environ={}).settings
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    assert (settings.endpoint.enabled, settings.endpoint.port) == (False, 1883)
    assert (settings.history.backend, settings.auth.mode) == ("none", "none")
    assert settings.stream.client_buffer == 256 * 1024
    assert settings.mqtt.url is None


def test_each_source_stands_above_the_one_before() -> None:
    text = "http: {port: 1}"
    environ = {"EGIZCORE_HTTP__PORT": "2"}
    flags = {"http.port": "3"}
    assert given(text).settings.http.port == 1
    assert given(text, environ).settings.http.port == 2
    assert given(text, environ, flags).settings.http.port == 3


def test_a_source_keeps_the_other_keys_of_a_section() -> None:
    both = given("http: {host: localhost}", {"EGIZCORE_HTTP__PORT": "2"}).settings.http
    assert (both.host, both.port) == ("localhost", 2)


def test_a_command_may_begin_with_defaults_of_its_own_below_the_file() -> None:
    Path("egizcore.yaml").write_text("endpoint: {enabled: false}", "utf-8")
    own = {"endpoint.enabled": "true", "endpoint.port": "1884"}
    loaded = load(environ={}, defaults=own)
    assert (loaded.settings.endpoint.enabled, loaded.settings.endpoint.port) == (False, 1884)
    assert "endpoint.port" not in loaded.sources


def test_sources_tell_who_set_a_key() -> None:
    loaded = given(
        "http: {port: 1, host: localhost}",
        {"EGIZCORE_HTTP__PORT": "2"},
        {"limits.features": "9"},
    )
    assert loaded.sources == {
        "http.host": "given.yaml",
        "http.port": "EGIZCORE_HTTP__PORT",
        "limits.features": "the command line",
    }


def test_the_file_is_the_named_one_else_the_variables_else_the_folders() -> None:
    Path("egizcore.yaml").write_text("http: {port: 1}", "utf-8")
    Path("b.yaml").write_text("http: {port: 2}", "utf-8")
    Path("c.yaml").write_text("http: {port: 3}", "utf-8")
    environ = {"EGIZCORE_CONFIG": "b.yaml"}
    assert load(environ={}).settings.http.port == 1
    assert load(environ=environ).settings.http.port == 2
    assert load(environ=environ, config=Path("c.yaml")).settings.http.port == 3


@pytest.mark.parametrize("environ", [{}, {"EGIZCORE_CONFIG": "gone.yaml"}])
def test_a_named_file_must_be_there(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match=r"gone\.yaml: cannot be read: No such file"):
        load(config=None if environ else Path("gone.yaml"), environ=environ)


def test_only_variables_with_two_underscores_are_settings() -> None:
    given("", {"EGIZCORE_HTTPPORT": "x", "EGIZCORE_IMAGE": "y", "OTHER_HTTP__PORT": "z"})


def test_lists_and_maps_are_json_in_variables_and_flags() -> None:
    settings = given(
        "",
        {"EGIZCORE_MQTT__DEVICES": '{"esp": "factory:oven-001"}'},
        {"http.allowed_origins": '["https://a.example"]'},
    ).settings
    assert settings.mqtt.devices == {"esp": "factory:oven-001"}
    assert list(settings.http.allowed_origins) == ["https://a.example"]


def test_a_connection_can_be_set_by_a_variable() -> None:
    environ = {"EGIZCORE_MQTT__CONNECTIONS__PLANT__URL": "mqtt://plant:1883"}
    assert given("", environ).settings.mqtt.connections["plant"].url == "mqtt://plant:1883"


def test_what_is_no_json_is_refused_without_showing_it() -> None:
    told = fault("", {"EGIZCORE_MQTT__DEVICES": "{hunter2"})
    assert told == "EGIZCORE_MQTT__DEVICES: mqtt.devices: lists and maps are written as JSON here"


def test_an_empty_value_is_a_setting_not_set() -> None:
    assert given("mqtt: {url: mqtt://a}", {"EGIZCORE_MQTT__URL": ""}).settings.mqtt.url is None
    assert given("http:\nmqtt:\n  url:\n").settings == Settings()
    assert "http.host: expected text, got nothing" in fault("", {"EGIZCORE_HTTP__HOST": ""})


def test_devices_come_from_a_file_of_their_own_too() -> None:
    Path("devices.yaml").write_text("1234: factory:a\nesp: factory:b\n", "utf-8")
    text = "mqtt: {devices_file: devices.yaml, devices: {esp: factory:c}}"
    assert given(text).settings.mqtt.devices == {"1234": "factory:a", "esp": "factory:c"}


def test_a_fault_in_the_devices_file_names_that_file() -> None:
    Path("devices.yaml").write_text("[a, b]", "utf-8")
    assert fault("mqtt: {devices_file: devices.yaml}").startswith("devices.yaml: mqtt.devices: ")
    assert "gone.yaml: cannot be read" in fault("mqtt: {devices_file: gone.yaml}")


def test_this_machines_environment_is_read_when_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("EGIZCORE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EGIZCORE_HTTP__PORT", "8099")
    assert load().settings.http.port == 8099
