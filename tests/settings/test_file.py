from pathlib import Path

import pytest
from tests.settings.given import fault, given

from egizcore.errors import SettingsInvalid
from egizcore.quantity import Size
from egizcore.settings import file, load


def test_plain_scalars_are_the_text_that_was_typed() -> None:
    mqtt = given("mqtt: {username: 0123, client_id: no, devices: {1e3: 'a:b', 12:30: 'c:d'}}")
    assert mqtt.settings.mqtt.username == "0123"
    assert mqtt.settings.mqtt.client_id == "no"
    assert mqtt.settings.mqtt.devices == {"1e3": "a:b", "12:30": "c:d"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http: {port: 1}\nhttp: {port: 2}", "line 2: 'http' stands here twice"),
        ("http: {port: 1, port: 2}", "line 1: 'port' stands here twice"),
        ("http: &a {port: 1}\nendpoint: *a", "aliases are not taken"),
        ("http: !!python/object/apply:os.system ['true']", "tags are not taken"),
        ("http: !secret a", "tags are not taken"),
        ("? [a]\n: b", "a key must be text"),
        ("http: {port: 1", ", line "),
        ("http:\n\tport: 1", "line 2: "),
        ("a: b\n---\nc: d", "line 2: "),
        ("[" * 20_000, "nested too deeply"),
    ],
)
def test_what_yaml_could_do_to_us_is_refused(text: str, told: str) -> None:
    assert told in fault(text)


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases are not taken" in fault("\n".join(lines))


@pytest.mark.parametrize("content", [b"\xff\xfe\xfa", b"a: \xc3\x28", b"\x00"])
def test_a_file_that_is_no_text_is_refused(content: bytes) -> None:
    Path("bytes.yaml").write_bytes(content)
    with pytest.raises(SettingsInvalid, match=r"^bytes\.yaml: "):
        load(config=Path("bytes.yaml"), environ={})


def test_a_file_too_large_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_FILE", Size(1024))
    assert "given.yaml: larger than 1KiB" in fault("#" * 2000)


def test_a_folder_is_no_settings_file() -> None:
    Path("folder").mkdir()
    with pytest.raises(SettingsInvalid, match="folder: cannot be read: Is a directory"):
        load(config=Path("folder"), environ={})
