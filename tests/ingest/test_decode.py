"""Payload → feature → properties, and the device's clock (contract.md, section 4)."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.ingest import Routes, RouteSettings
from egizcore.ingest.decode import (
    Refused,
    Sample,
    decode_features,
    decode_loose,
    decode_properties,
    device_of,
    features_of,
    read_payload,
    sample_of,
    take,
)
from egizcore.ingest.route import Route
from egizcore.thing.document import write_json

NOW = 1_769_509_800_000  # 2026-01-27T10:30:00Z


def route(**more: Any) -> Route:
    settings = RouteSettings(topic="x/{device}", thing="factory:{device}", **more)
    found = Routes((settings,), {}).resolve("x/d").route
    assert found is not None
    return found


def features(payload: Any, feature: str | None = None, **more: Any) -> Any:
    body = payload if isinstance(payload, bytes) else write_json(payload)
    return features_of(read_payload(body), route(**more), feature)


def reason(payload: Any, feature: str | None = None, **more: Any) -> str:
    with pytest.raises(Refused) as caught:
        features(payload, feature, **more)
    return caught.value.reason


def nested(levels: int) -> Any:
    """*levels* containers in each other."""
    value: Any = 1
    for _ in range(levels):
        value = {"n": value}
    return value


# Features -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"thermal": {"x": 1}}, {"thermal": {"x": 1}}),
        ({"thermal": {"properties": {"x": 1}}}, {"thermal": {"x": 1}}),
        ({"thermal": {"properties": {"x": 1}, "desiredState": {"x": 2}}}, {"thermal": {"x": 1}}),
        ({"thermal": {"desiredState": {"x": 2}}}, {}),
        ({"thermal": {"x": 1, "desiredState": 5}}, {"thermal": {"x": 1}}),
        ({"desiredState": {"x": 1}}, {}),
        ({"desiredState": 1}, {}),
        # No wrapper: not alone, or no object. Then it is a property like any other.
        (
            {"thermal": {"properties": {"x": 1}, "y": 2}},
            {"thermal": {"properties": {"x": 1}, "y": 2}},
        ),
        ({"thermal": {"properties": 1}}, {"thermal": {"properties": 1}}),
        ({"thermal": {"properties": [1]}}, {"thermal": {"properties": [1]}}),
        ({"properties": {"x": 1}}, {"properties": {"x": 1}}),
        # What is no object is a property of the feature telemetry.
        ({"temp": 21.4}, {"telemetry": {"temp": 21.4}}),
        ({"temp": [1, None]}, {"telemetry": {"temp": [1, None]}}),
        ({"ok": True, "telemetry": {"a": 1}}, {"telemetry": {"ok": True, "a": 1}}),
        ({"telemetry": {"a": 1}, "a": 2}, {"telemetry": {"a": 2}}),
        # Nulls: at the top they are a sensor without a value, below they delete.
        ({"temp": None}, {}),
        ({"thermal": None}, {}),
        ({"thermal": {"x": None}}, {"thermal": {"x": None}}),
        ({"thermal": {}}, {}),
        ({}, {}),
    ],
)
def test_a_payload_names_features(payload: Any, found: Any) -> None:
    assert features(payload) == found


def test_features_come_in_the_order_given_loose_ones_where_the_first_of_them_stands() -> None:
    assert list(features({"b": {"x": 1}, "t": 1, "a": {"x": 1}, "u": 2})) == ["b", "telemetry", "a"]


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"x": 1, "y": {"z": 2}}, {"x": 1, "y": {"z": 2}}),
        ({"properties": {"x": 1}}, {"x": 1}),
        ({"properties": {"x": 1}, "desiredState": {}}, {"x": 1}),
        ({"x": None, "y": 1, "desiredState": 3}, {"y": 1}),
        ({"y": {"z": None}}, {"y": {"z": None}}),
    ],
)
def test_where_the_route_names_the_feature_the_payload_is_its_properties(
    payload: Any, found: Any
) -> None:
    assert features(payload, "thermal") == {"thermal": found}


def test_where_nothing_is_left_nothing_is_reported() -> None:
    payloads: list[Any] = [{}, {"x": None}, {"desiredState": {"x": 1}}, {"properties": {}}]
    for payload in payloads:
        assert features(payload, "thermal") == {}


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"temp": 20}, {"thermal": {"temperature": 20}}),
        ({"v": 1, "temp": 2}, {"thermal": {"temperature": 2}, "electrical": {"voltage": {"a": 1}}}),
        ({"v": 1, "w": 2}, {"electrical": {"voltage": {"a": 1, "b": 2}}}),
        ({"temp": None, "other": 1, "thermal": {"x": 1}}, {}),
        ({"temp": {"deep": None}}, {"thermal": {"temperature": {"deep": None}}}),
    ],
)  # fmt: skip
def test_flat_payloads_go_where_fields_say_and_nothing_else_is_taken(
    payload: Any, found: Any
) -> None:
    fields = {
        "temp": "thermal.temperature",
        "v": "electrical.voltage.a",
        "w": "electrical.voltage.b",
    }
    assert features(payload, fields=fields) == found


# Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"21.4x",
        b'{"a": NaN}',
        b'{"a": 1e400}',
        b'{"a": 9223372036854775808}',
        b'{"a": -9223372036854775809}',
        b'{"a": %s}' % (b"1" * 5000),
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
    ],
)
def test_what_is_no_json_is_bad_json_on_every_road(payload: bytes) -> None:
    assert reason(payload) == "bad_json"
    for decode in (decode_features, decode_properties, decode_loose):
        with pytest.raises(ValueError, match=r"."):
            decode(payload)


@pytest.mark.parametrize("payload", [[], [{"a": {"x": 1}}], 21.4, "text", None, True])
def test_json_that_is_no_object_is_a_bad_payload(payload: Any) -> None:
    assert reason(payload) == "bad_payload"


@pytest.mark.parametrize(
    "payload",
    [
        {"two words": {"x": 1}},
        {"a" * 65: {"x": 1}},
        {"": {"x": 1}},
        {"a": {"": 1}},
        {"a": {"x" * 129: 1}},
        {"a": {"line\nbreak": 1}},
        {"a": {"x": {"\x7f": 1}}},
        {"a": {"x": {"y": [{"\x00": 1}]}}},
        {"a": {"properties": {"\x9f": 1}}},
        {"tab\t": 1},
        {"x" * 129: 1},
    ],
)
def test_an_illegal_name_at_any_depth_is_a_bad_payload(payload: Any) -> None:
    assert reason(payload) == "bad_payload"


def test_names_of_128_characters_are_taken_however_many_bytes_they_are() -> None:
    name = "é" * 128
    assert features({"a": {name: {name: 1}}}) == {"a": {name: {name: 1}}}


@pytest.mark.parametrize(
    "wrap", [lambda v: {"f": {"p": v}}, lambda v: {"f": {"properties": {"p": v}}}]
)
def test_sixteen_levels_below_a_property_are_taken_and_seventeen_are_not(wrap: Any) -> None:
    features(wrap(nested(16)))
    assert reason(wrap(nested(17))) == "limit_exceeded"
    assert reason(wrap(nested(200))) == "limit_exceeded"


def test_the_depth_counts_the_same_on_every_kind_of_route() -> None:
    features({"p": nested(16)}, "f")
    assert reason({"p": nested(17)}, "f") == "limit_exceeded"
    features({"m": nested(15)}, fields={"m": "f.p.q"})
    assert reason({"m": nested(16)}, fields={"m": "f.p.q"}) == "limit_exceeded"
    features({"loose": [[1]]})
    assert reason(b'{"loose": %s1%s}' % (b"[" * 17, b"]" * 17)) == "limit_exceeded"


def test_nesting_without_end_is_a_limit_and_no_recursion() -> None:
    for opening in (b"[", b'{"a":'):
        assert reason(b'{"f":' + opening * 100_000) == "limit_exceeded"


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert features(b'{"a": {"x": 1}, "a": {"y": 1, "y": 2}}') == {"a": {"y": 2}}


def test_integers_at_the_ends_of_int64_and_negative_zero_keep_their_values() -> None:
    body = b'{"a": {"x": 9223372036854775807, "y": -9223372036854775808, "z": -0.0}}'
    found = features(body)["a"]
    assert (found["x"], found["y"], str(found["z"])) == ((1 << 63) - 1, -(1 << 63), "-0.0")
    assert decode_features(body)["a"] == found


@given(st.binary(max_size=80))
def test_any_bytes_are_taken_or_refused(payload: bytes) -> None:
    found: Any = {}
    with contextlib.suppress(Refused):
        found = features(payload)
    assert all(found.values())


# Device and clock -----------------------------------------------------------------------------


def test_a_member_is_taken_out_with_what_is_left_empty_around_it() -> None:
    payload: Any = {"meta": {"id": "d", "fw": 1}, "head": {"in": {"ts": 5}}, "a": {"x": 1}}
    assert take(payload, ("meta", "id")) == "d"
    assert take(payload, ("head", "in", "ts")) == 5
    assert take(payload, ("none", "x")) is None
    assert take(payload, ("a", "x", "y")) is None
    assert payload == {"meta": {"fw": 1}, "a": {"x": 1}}


@pytest.mark.parametrize(("value", "device"), [("esp", "esp"), (17, "17"), (-1, "-1"), ("é", "é")])
def test_a_payload_names_its_device_by_text_or_a_whole_number(value: Any, device: str) -> None:
    assert device_of(value) == device


@pytest.mark.parametrize("value", [None, True, 1.5, "", "a\n", "x" * 129, [], {}])
def test_anything_else_names_no_device(value: Any) -> None:
    with pytest.raises(Refused) as caught:
        device_of(value)
    assert caught.value.reason == "bad_payload"


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (NOW // 1000, NOW),
        (NOW / 1000 + 0.25, NOW + 250),
        (NOW, NOW),
        (float(NOW), NOW),
        (100_000_000_000 - 1, None),  # seconds, and in the year 5138
        ("2026-01-27T10:30:00Z", NOW),
        ("2026-01-27T11:30:00.5+01:00", NOW + 500),
        (1_577_836_800, 1_577_836_800_000),  # 2020 begins
        (1_577_836_799, None),
        (100_000_000_000, None),  # milliseconds, and in 1973
        (NOW + 300_000, NOW + 300_000),
        (NOW + 300_001, None),
        (0, None),
        (-5, None),
        (1e300, None),
        (10**18, None),
        (True, None),
        ("1769509800", None),
        ("yesterday", None),
        ({}, None),
        ([NOW], None),
    ],
)
def test_a_clock_is_seconds_milliseconds_or_rfc_3339_or_none(value: Any, at: int | None) -> None:
    wanted = Sample(None, "bad-clock") if at is None else Sample(at)
    assert sample_of(value, NOW) == wanted
