from pathlib import Path
from typing import Any

import msgspec
import pytest

from egizcore.errors import SettingsInvalid
from egizcore.history import HistorySettings, InfluxSettings, see_influx, settings
from egizcore.history.settings import MappingSettings
from egizcore.quantity import Duration

WHOLE = InfluxSettings(url="http://h:8086", org="o", bucket="b", token_file="t")
USED = HistorySettings(backend="influxdb")


def read(kind: type[Any], **given: str) -> Any:
    return msgspec.convert(given, kind)


@pytest.mark.parametrize("url", ["http://h", "https://h:8086", "http://[::1]:8086", "http://h/p/"])
def test_an_address_is_http_or_https(url: str) -> None:
    assert read(InfluxSettings, url=url).url == url


@pytest.mark.parametrize(
    "url",
    ["h:8086", "ftp://h", "http://", "http://h:99999", "http://[::1", "http://h:0", "http://h?x=1",
     "http://h#f", "http://user:hunter2@h", "http://hunter2@h"],
)  # fmt: skip
def test_no_other_address_is_taken_and_none_is_repeated(url: str) -> None:
    with pytest.raises(msgspec.ValidationError) as told:
        read(InfluxSettings, url=url)
    assert "`url`" in str(told.value)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("key", ["url", "org", "bucket", "token_file"])
def test_what_is_missing_is_named_where_the_store_is_used(key: str) -> None:
    lacking = msgspec.structs.replace(WHOLE, **{key: None})
    with pytest.raises(SettingsInvalid, match=rf"influxdb\.{key} is not set"):
        see_influx(USED, lacking)
    see_influx(HistorySettings(), lacking)
    see_influx(USED, WHOLE)


def test_a_mapping_is_only_for_what_others_write() -> None:
    mapped = msgspec.structs.replace(WHOLE, mapping=MappingSettings())
    see_influx(USED, mapped)
    with pytest.raises(SettingsInvalid, match=r"influxdb\.mapping is for what others wrote"):
        see_influx(HistorySettings(backend="influxdb", record=True), mapped)


def test_the_library_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    with pytest.raises(SettingsInvalid) as told:
        see_influx(USED, WHOLE)
    assert "pip install 'egizcore[influx]'" in told.value.mend


def test_a_token_is_the_content_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" abc==\n")
    assert read(InfluxSettings, token_file=str(tmp_path / "token")).token() == "abc=="


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"two words", b"a\nb", b"a\x00b"])
def test_a_file_without_a_token_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SettingsInvalid, match="there is no token in"):
        InfluxSettings(token_file=str(tmp_path / "token")).token()


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="No such file or directory"):
        InfluxSettings(token_file=str(tmp_path / "none")).token()


@pytest.mark.parametrize(
    "given",
    [
        {"measurement": "mqtt_consumer", "field": "{feature}_{property}"},
        {"measurement": "egiz.{feature}", "separator": "_"},
        {"tag": "host", "value": "sensors/{device}/telemetry", "thing": "factory:{device}"},
    ],
)
def test_mappings_that_can_be_read_back_are_taken(given: dict[str, str]) -> None:
    assert read(MappingSettings, **given)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"measurement": ""}, "measurement"),
        ({"measurement": "{property}"}, "measurement"),
        ({"measurement": "{feature}{feature}"}, "measurement"),
        ({"measurement": "a{b"}, "measurement"),
        ({"tag": 'x"]'}, "tag"),
        ({"tag": "_time"}, "tag"),
        ({"tag": ""}, "tag"),
        ({"tag": "a b"}, "tag"),
        ({"value": "fixed"}, "value"),
        ({"thing": "factory:oven"}, "thing"),
        ({"thing": "{device}:{device}"}, "thing"),
        ({"field": "fixed"}, "field"),
        ({"field": "{feature}_{property}"}, "measurement"),
        ({"field": "{feature}{property}", "measurement": "m"}, "field"),
        ({"field": "{property}_{feature}", "measurement": "m"}, "field"),
        ({"separator": ""}, "separator"),
        ({"separator": "\n"}, "separator"),
    ],
)
def test_mappings_that_could_not_be_read_back_are_refused(given: dict[str, str], key: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"`{key}`"):
        read(MappingSettings, **given)


def test_a_history_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="`keep` is more than 0s"):
        HistorySettings(keep=Duration(0))
