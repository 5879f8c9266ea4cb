from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.history import Query, flatten, split
from egizcore.history.line import stored
from egizcore.history.mapping import MAX_TERMS, Field, Layout
from egizcore.history.point import Point, selects, spellings
from egizcore.history.settings import MappingSettings
from egizcore.thing import Feature, Thing

OVEN = "factory:oven-001"
OWN = Layout(None, {"esp32": OVEN})
TELEGRAF = MappingSettings(
    measurement="mqtt_consumer",
    tag="topic",
    value="sensors/{device}/telemetry",
    thing="factory:{device}",
    field="{feature}_{property}",
    separator="_",
)
NAME = st.text("ab_.[\\ 0time", min_size=1, max_size=5)
WORD = st.sampled_from(("thermal", "thermal_2", "status", "a", "a_b"))
PROPERTIES = st.recursive(
    st.booleans(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAME, inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def thing(**features: dict[str, Any]) -> Thing:
    live = Thing(OVEN, "oven", 1, 0)
    for name, properties in features.items():
        live.features[name] = Feature()
        live.features[name].properties = properties
    return live


def query(*properties: str, features: tuple[str, ...] = ()) -> Query:
    return Query(OVEN, 0, 1, features, tuple(map(split, properties)))


@given(WORD, st.dictionaries(NAME, PROPERTIES, max_size=3))
def test_our_own_layout_comes_back_whatever_the_names(
    feature: str, properties: dict[str, Any]
) -> None:
    names = OWN.names(None)
    for key in flatten(properties):
        measurement, field = OWN.field(feature, key)
        assert (measurement, field) == (feature, stored(key))
        assert names.leaf(measurement, field) == Field(feature, key)


@given(WORD, st.dictionaries(NAME, PROPERTIES, max_size=3))
def test_our_own_selection_takes_just_what_a_path_selects(
    feature: str, properties: dict[str, Any]
) -> None:
    keys = list(flatten(properties))
    for key in keys:
        for end in range(1, len(split(key)) + 1):
            path = split(key)[:end]
            chosen = OWN.selection(Query(OVEN, 0, 1, (feature,), (path,)))
            taken = {
                one
                for one in keys
                if stored(one) in chosen.fields or stored(one).startswith(tuple(chosen.below))
            }
            assert taken == {one for one in keys if selects(one, spellings(path))}


def test_our_own_layout_asks_for_the_thing_and_not_for_its_devices() -> None:
    chosen = OWN.selection(query(features=("thermal", "status")))
    assert chosen == ("thing_id", [OVEN], ["thermal", "status"], [], [])


MAPPINGS = (
    TELEGRAF,
    MappingSettings(separator="_"),
    MappingSettings(separator="/", field="{feature}.{property}", measurement="all"),
    MappingSettings(measurement="egiz_{feature}_v1", field="x_{property}_y"),
)


@pytest.mark.parametrize("settings", MAPPINGS)
@given(data=st.data())
def test_names_of_the_live_thing_come_back_through_any_mapping(
    settings: MappingSettings, data: st.DataObject
) -> None:
    """Where two leaves do not get one name."""
    layout = Layout(settings, {})
    features = data.draw(
        st.dictionaries(WORD, st.dictionaries(NAME, PROPERTIES, max_size=3), max_size=2)
    )
    names = layout.names(thing(**features))
    told: dict[tuple[str, str], list[Field]] = {}
    for feature, properties in features.items():
        for key in flatten(properties):
            told.setdefault(layout.field(feature, key), []).append(Field(feature, key))
    for (measurement, field), leaves in told.items():
        if len(leaves) == 1 and not _is_of_two(field, features, settings):
            assert names.leaf(measurement, field) == leaves[0]


def _is_of_two(field: str, features: dict[str, Any], settings: MappingSettings) -> bool:
    """Whether the name begins as those of two features do: the longer one is taken then."""
    if "{feature}" not in settings.field:
        return False
    mark = settings.field[len("{feature}") :].partition("{")[0]
    return sum(field.startswith(f"{one}{mark}") for one in features) > 1


@pytest.mark.parametrize("settings", MAPPINGS)
@given(data=st.data())
def test_a_selection_never_leaves_out_what_is_asked_for(
    settings: MappingSettings, data: st.DataObject
) -> None:
    layout = Layout(settings, {})
    properties = data.draw(st.dictionaries(NAME, PROPERTIES, min_size=1, max_size=3))
    keys = list(flatten(properties))
    key = data.draw(st.sampled_from(keys))
    path = split(key)[: data.draw(st.integers(1, len(split(key))))]
    chosen = layout.selection(Query(OVEN, 0, 1, ("thermal",), (path,)))
    for one in keys:
        measurement, field = layout.field("thermal", one)
        if selects(one, spellings(path)):
            assert measurement in chosen.measurements
            assert field in chosen.fields or field.startswith(tuple(chosen.below))


def test_a_name_with_brackets_of_its_own_is_asked_for_too() -> None:
    chosen = Layout(TELEGRAF, {}).selection(Query(OVEN, 0, 1, ("x",), (split("br[0]"),)))
    assert set(chosen.fields) == {"x_br_0", "x_br[0]"}
    assert r"br\[0]" in OWN.selection(Query(OVEN, 0, 1, ("x",), (split("br[0]"),))).fields


def test_a_name_that_can_be_read_in_two_ways_is_the_live_things() -> None:
    layout = Layout(TELEGRAF, {})
    names = layout.names(thing(electrical={"power_factor": 1.0, "voltage": {"a": 1.0}}))
    for field, key in (
        ("electrical_power_factor", "power_factor"),
        ("electrical_voltage_a", "voltage.a"),
        ("electrical_zones_0", "zones[0]"),
        ("electrical_zones_00", "zones.00"),
        ("electrical_a__b", "a__b"),
        ("electrical_1_2", "1[2]"),
    ):
        assert names.leaf("mqtt_consumer", field) == Field("electrical", key)


def test_large_digits_are_a_place_only_where_the_live_thing_has_an_array() -> None:
    names = Layout(TELEGRAF, {}).names(thing(fft={"bins": [1.0] * 3, "a[1]": 1.0, "o": {"x": 1}}))
    for field, key in (
        ("fft_other_1023", "other[1023]"),
        ("fft_other_1024", "other.1024"),
        ("fft_bins_2047", "bins[2047]"),
        ("fft_bins_1000001", "bins.1000001"),
        ("fft_o_2047", "o.2047"),
        ("fft_a_2047", "a.2047"),
    ):
        assert names.leaf("mqtt_consumer", field) == Field("fft", key)


def test_a_name_without_a_feature_is_of_telemetry() -> None:
    layout = Layout(TELEGRAF, {})
    names = layout.names(thing(telemetry={"flat_x": 1.0, "zones": [1.0]}, hot={"x": 1.0}))
    for field, meant in (
        ("flat", Field("telemetry", "flat")),
        ("flat_x", Field("telemetry", "flat_x")),
        ("zones_0", Field("telemetry", "zones[0]")),
        ("hot_x", Field("hot", "x")),
        ("hot_y", Field("hot", "y")),
        ("cold_y", Field("cold", "y")),
        ("telemetry_y", Field("telemetry", "y")),
    ):
        assert names.leaf("mqtt_consumer", field) == meant
    assert layout.names(None).leaf("mqtt_consumer", "flat") == Field("telemetry", "flat")
    for properties in ((), (("flat",),)):
        chosen = layout.selection(Query(OVEN, 0, 1, ("telemetry",), properties))
        assert (chosen.fields, chosen.below) == ([], []), "no field begins with it"


def test_the_longest_known_feature_is_meant() -> None:
    names = Layout(TELEGRAF, {}).names(thing(a={"b_c": 1}, a_b={"c": 1}))
    assert names.leaf("mqtt_consumer", "a_b_c") == Field("a_b", "c")
    assert names.leaf("mqtt_consumer", "x_y_z") == Field("x", "y.z")


def test_a_fixed_measurement_without_features_is_telemetry() -> None:
    layout = Layout(MappingSettings(measurement="mqtt_consumer", tag="device"), {})
    assert layout.names(None).leaf("mqtt_consumer", "temp") == Field("telemetry", "temp")
    assert layout.field("telemetry", "temp") == ("mqtt_consumer", "temp")


@pytest.mark.parametrize(
    ("measurement", "field"),
    [("cpu", "a_b"), ("mqtt_consumer", "no word_x"),
     ("mqtt_consumer", "_x"), ("mqtt_consumer", "thermal_")],
)  # fmt: skip
def test_what_is_not_of_the_mapping_is_left_alone(measurement: str, field: str) -> None:
    assert Layout(TELEGRAF, {}).names(None).leaf(measurement, field) is None


def test_a_thing_is_found_by_its_devices_and_by_the_template() -> None:
    devices = {"esp32-a1b2": OVEN, "esp32-c3d4": OVEN, "mixer-1": "factory:big-mixer"}
    layout = Layout(TELEGRAF, devices)
    assert layout.tag_values(OVEN) == [
        "sensors/esp32-a1b2/telemetry",
        "sensors/esp32-c3d4/telemetry",
        "sensors/oven-001/telemetry",
    ]
    assert layout.tag_values("factory:mixer-1") == [], "the table says whose that device is"
    assert layout.tag_values("factory:big-mixer") == [
        "sensors/mixer-1/telemetry",
        "sensors/big-mixer/telemetry",
    ]
    assert layout.tag_values("bakery:oven-001") == []


def test_a_question_has_a_bounded_number_of_terms() -> None:
    many = tuple(f"p{number}" for number in range(MAX_TERMS))
    chosen = OWN.selection(Query(OVEN, 0, 1, many, tuple((one,) for one in many)))
    assert len(chosen.measurements) <= MAX_TERMS
    assert (chosen.fields, chosen.below) == ([], [])
    more = tuple(f"f{number}" for number in range(MAX_TERMS + 1))
    assert OWN.selection(Query(OVEN, 0, 1, more)).measurements == []


def test_our_layout_is_what_a_point_has() -> None:
    point = Point(OVEN, "oven", "thermal", 0, {"zones": [1.0, {"a.b": 2.0}]})
    fields = [OWN.field(point.feature, key) for key in flatten(point.properties)]
    assert fields == [("thermal", "zones[0]"), ("thermal", r"zones[1].a\.b")]
