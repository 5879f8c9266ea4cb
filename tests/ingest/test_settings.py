"""The section ``mqtt`` as YAML gives it."""

import msgspec
import pytest

from egizcore.ingest import DEFAULT_ROUTES, MqttSettings, Routes


def test_the_contract_s_example_is_taken() -> None:
    settings = msgspec.convert(
        {
            "url": "mqtt://localhost:1883",
            "routes": [
                {
                    "topic": "sensors/{device}/telemetry",
                    "thing": "factory:{device}",
                    "type": "oven",
                },
                {"topic": "sensors/{device}/{feature}", "feature": "{feature}"},
                {
                    "topic": "legacy/+/flat",
                    "device": "payload.device_id",
                    "fields": {"temp": "thermal.temperature", "v": "electrical.voltage.a"},
                    "time": "payload.ts",
                },
                {"topic": "status/{device}", "feature": "status", "unchanged": "skip"},
            ],
            "devices": {"esp32-a1b2": "factory:oven-001"},
            "unknown": "reject",
        },
        MqttSettings,
    )
    assert Routes(settings.routes, settings.devices).filters() == [
        "sensors/+/telemetry",
        "sensors/+/+",
        "legacy/+/flat",
        "status/+",
    ]


def test_the_defaults_are_one_route_no_devices_and_creation() -> None:
    settings = MqttSettings()
    assert settings.routes == DEFAULT_ROUTES
    assert settings.devices == {}
    assert settings.connections == {}
    assert settings.unknown == "create"
    assert settings.url is None
    assert MqttSettings().devices is not settings.devices


@pytest.mark.parametrize("name", ["mqtt", "endpoint", "", "two words", "a\n", "x" * 65])
def test_a_link_s_name_is_a_word_that_no_other_source_has(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="cannot name a link"):
        msgspec.convert({"connections": {name: {"url": "mqtt://a"}}}, MqttSettings)


def test_a_connection_without_a_url_is_no_link() -> None:
    with pytest.raises(msgspec.ValidationError, match="'plant' has no url"):
        msgspec.convert({"connections": {"plant": {}}}, MqttSettings)


def test_the_section_s_own_link_is_checked_too() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown scheme"):
        msgspec.convert({"url": "amqp://a"}, MqttSettings)


@pytest.mark.parametrize(
    "document",
    [
        {"unknown": "ignore"},
        {"routes": [{}]},
        {"routes": [{"topic": "a", "things": "b"}]},
        {"routes": [{"topic": "a", "unchanged": "maybe"}]},
        {"routs": []},
    ],
)
def test_what_is_no_setting_is_refused(document: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, MqttSettings)
