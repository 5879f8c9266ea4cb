from pathlib import Path

import pytest
from tests.settings.given import fault, given

from egizcore.errors import SettingsInvalid
from egizcore.settings import Settings, outline, read_passwords


@pytest.mark.parametrize("key", ["http.host", "endpoint.host"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "[::]", "*"])
def test_without_authentication_only_loopback_is_bound(key: str, host: str) -> None:
    told = fault("", {}, {key: host})
    assert told.startswith(f"{key}: '{host}' lets other machines in")
    assert told.endswith("Set it to 127.0.0.1, or set auth.allow_insecure to true.")


def test_allow_insecure_opens_the_doors() -> None:
    flags = {"http.host": "0.0.0.0", "auth.allow_insecure": "true"}
    assert given("", {}, flags).settings.http.host == "0.0.0.0"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_needs_no_permission(host: str) -> None:
    assert given("", {}, {"http.host": host, "endpoint.host": host}).settings.http.host == host


def test_the_outline_has_a_line_for_each_section_and_no_secret() -> None:
    lines = list(outline(given("mqtt: {url: 'mqtt://u:hunter2@h:1883'}").settings))
    assert [line.split(":")[0] for line in lines] == list(Settings.__struct_fields__)
    assert "url mqtt://***@h:1883" in lines[1]
    assert "hunter2" not in "".join(lines)


INFLUX = {
    "history.backend": "influxdb",
    "influxdb.url": "http://localhost:8086",
    "influxdb.org": "plant",
    "influxdb.bucket": "telemetry",
    "influxdb.token_file": "token.txt",
}


def test_a_store_that_is_used_must_be_named_whole() -> None:
    assert given("", {}, INFLUX).settings.influxdb.bucket == "telemetry"
    for key in list(INFLUX)[1:]:
        lacking = {name: value for name, value in INFLUX.items() if name != key}
        assert fault("", {}, lacking).startswith(f"{key} is not set, and history.backend is")


def test_a_mapping_can_be_given_by_any_source() -> None:
    environ = {"EGIZCORE_INFLUXDB__MAPPING__TAG": "device"}
    loaded = given("influxdb: {mapping: {separator: _}}", environ).settings.influxdb.mapping
    assert loaded is not None
    assert (loaded.tag, loaded.separator) == ("device", "_")


def test_the_token_of_a_store_that_is_used_must_be_there() -> None:
    read_passwords(Settings())
    settings = given("", {}, INFLUX).settings
    with pytest.raises(SettingsInvalid, match=r"cannot read token\.txt"):
        read_passwords(settings)
    Path("token.txt").write_text("secret", "ascii")
    read_passwords(settings)
