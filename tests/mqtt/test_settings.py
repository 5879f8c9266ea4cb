import ssl
from pathlib import Path

import msgspec
import pytest

from egizcore.errors import SettingsInvalid
from egizcore.mqtt.settings import Address, EndpointSettings, LinkSettings, TlsSettings


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://localhost", Address("localhost", 1883, None, None, secure=False)),
        ("mqtt://broker:1884/", Address("broker", 1884, None, None, secure=False)),
        ("mqtt://[::1]:1885", Address("::1", 1885, None, None, secure=False)),
        ("mqtt://u%40x:p%2Fw@h", Address("h", 1883, "u@x", b"p/w", secure=False)),
        ("mqtts://h", Address("h", 8883, None, None, secure=True)),
    ],
)
def test_a_url_names_broker_and_credentials(url: str, address: Address) -> None:
    assert LinkSettings(url=url).address() == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://h", "unknown scheme 'https'"),
        ("localhost:1883", "unknown scheme"),
        ("mqtt://", "no host"),
        ("mqtt://h:99999", "cannot be read"),
        ("mqtt://h/topic", "nothing may follow"),
    ],
)
def test_a_bad_url_says_what_is_wrong_with_it(url: str, why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert({"url": url}, LinkSettings)


def test_no_error_repeats_a_password() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"url": "mqtts://u:s3cret@h:x"}, LinkSettings)
    assert "s3cret" not in str(refused.value)


def test_the_password_comes_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"s3cret\n")
    settings = LinkSettings(url="mqtt://u@h", username="v", password_file=str(file))
    assert settings.address() == Address("h", 1883, "v", b"s3cret", secure=False)


def test_a_missing_password_file_is_one_clear_line(tmp_path: Path) -> None:
    settings = LinkSettings(url="mqtt://u@h", password_file=str(tmp_path / "none"))
    with pytest.raises(SettingsInvalid, match=r"cannot read .*none: No such file") as refused:
        settings.address()
    assert refused.value.mend


@pytest.mark.parametrize(
    "wrong",
    [
        {"qos": 3},
        {"qos": -1},
        {"share": "a/b"},
        {"share": ""},
        {"url": "mqtt://h", "password_file": "f"},
        {"clean_start": False},
        {"clean_start": False, "client_id": ""},
        {"url": "mqtt://h", "tls": {"ca_file": "ca.pem"}},
        {"url": "mqtts://h", "tls": {"key_file": "key.pem"}},
        {"url": "mqtts://h", "tls": {"verify": False}},
    ],
)
def test_what_is_no_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, LinkSettings)


def test_a_session_that_lasts_has_a_name() -> None:
    settings = msgspec.convert({"clean_start": False, "client_id": "egizcore-1"}, LinkSettings)
    assert (settings.clean_start, settings.qos) == (False, 1)


def test_tls_is_1_2_at_least_and_always_verified() -> None:
    context = TlsSettings().context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("content", [None, "no certificate"])
@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_a_file_of_tls_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, key: str, content: str | None
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    settings = msgspec.convert({key: str(file)}, TlsSettings)
    with pytest.raises(
        SettingsInvalid, match=rf"mqtt\.tls\.{key}: cannot use .*file\.pem: ."
    ) as no:
        settings.context()
    assert "\n" not in str(no.value)


def test_without_a_url_there_is_no_address() -> None:
    with pytest.raises(SettingsInvalid, match="not set"):
        LinkSettings().address()


def test_the_address_in_a_log_has_no_credentials() -> None:
    assert LinkSettings(url="mqtt://u:p@[::1]").address().where == "[::1]:1883"


def test_the_endpoint_is_off_and_on_loopback_by_default() -> None:
    settings = EndpointSettings()
    assert (settings.enabled, settings.host, settings.port) == (False, "127.0.0.1", 1883)
