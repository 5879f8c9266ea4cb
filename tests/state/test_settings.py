"""The limits of the contract are the defaults."""

import msgspec
import pytest

from egizcore.quantity import from_setting
from egizcore.state import LimitSettings, StateSettings


def test_the_defaults_are_the_contract_s() -> None:
    limits = LimitSettings()
    assert (limits.thing, limits.features, limits.properties, limits.relationships) == (
        256 * 1024,
        256,
        1024,
        1000,
    )
    assert limits.mqtt_packet == 1024 * 1024
    assert StateSettings().unchanged == "apply"


@pytest.mark.parametrize(
    "document",
    [
        {"features": 0},
        {"things": 1},
        {"properties": "many"},
        {"thing": 0},
        {"mqtt_packet": 1},
        {"nesting": 1},
    ],
)
def test_a_limit_that_is_none_is_refused(document: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, LimitSettings, dec_hook=from_setting)


def test_unchanged_is_apply_or_skip() -> None:
    assert msgspec.convert({"unchanged": "skip"}, StateSettings).unchanged == "skip"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"unchanged": "keep"}, StateSettings)
