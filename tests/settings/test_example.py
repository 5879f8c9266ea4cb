"""``egizcore.example.yaml`` tells every setting, with its default."""

import re
from pathlib import Path

import msgspec
import pytest

from egizcore.settings import Settings, load
from egizcore.settings.file import read_yaml

EXAMPLE = Path(__file__).parents[2] / "egizcore.example.yaml"
SETTING = re.compile(r"^( *)#(?=\w+: )", re.MULTILINE)


def test_the_example_as_it_stands_is_the_defaults() -> None:
    assert load(config=EXAMPLE, environ={}).settings == Settings()


def test_the_example_has_every_setting_and_no_other(tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text(SETTING.sub(r"\1", EXAMPLE.read_text("utf-8")), "utf-8")
    told = {section: set(members) for section, members in read_yaml(whole).items()}
    assert told == {
        section.name: {one.name for one in msgspec.structs.fields(section.type)}
        for section in msgspec.structs.fields(Settings)
    }


def test_each_setting_that_is_commented_out_is_a_legal_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("devices.yaml").write_text("esp32-a1b2: factory:oven-001\n", "utf-8")
    Path("whole.yaml").write_text(SETTING.sub(r"\1", EXAMPLE.read_text("utf-8")), "utf-8")
    mqtt = load(config=Path("whole.yaml"), environ={}).settings.mqtt
    assert mqtt.url == "mqtt://localhost:1883"
    assert mqtt.devices == {"esp32-a1b2": "factory:oven-001"}
