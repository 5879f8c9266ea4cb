import pytest
from tests.settings.given import fault, given

from egizcore.settings import Settings, outline


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
