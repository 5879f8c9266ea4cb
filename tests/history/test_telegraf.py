"""``deploy/telegraf/telegraf.conf`` writes what EgizCore would, so that the same names read it.

Its script is Starlark, a small Python: here it runs as Python, with the few things around it that
Telegraf brings.
"""

import ast
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.history import flatten
from egizcore.history.line import stored
from egizcore.ingest.decode import _by_feature

CONF = tomllib.loads(
    (Path(__file__).parents[2] / "deploy/telegraf/telegraf.conf").read_text("utf-8")
)
SCRIPT = CONF["processors"]["starlark"][0]
KINDS = {"str": "string", "NoneType": "NoneType"}

OVEN = {
    "electrical": {"voltage": {"a": 220.5, "b": 219.8, "c": 221}, "power_factor": 0.92},
    "thermal": {"temperature_zones": [185.0, 190, 188.5], "setpoint": 190.0},
    "status": {"properties": {"operational_state": "running", "anomaly": False}},
    "business_context": {"current_batch": "batch-500", "recipe": 'white "bread"'},
}
NAMES = st.text("ab.[]\\ =,é", min_size=1, max_size=4) | st.sampled_from(("time", "properties"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text('ab\\"\n', max_size=3)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
FEATURES = st.sampled_from(("thermal", "status", "desiredState", "telemetry", "properties"))


class Metric:
    """As Telegraf's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tags: dict[str, str] = {}
        self.fields: dict[str, Any] = {}
        self.time = 0


class Json:
    decode = staticmethod(json.loads)


def kind_of(value: object) -> str:
    name = type(value).__name__
    return KINDS.get(name, name)


def ran(payload: Any, topic: str = "sensors/oven-001/telemetry") -> list[Metric]:
    """What the script makes of one message."""
    scope: dict[str, Any] = {"Metric": Metric, "type": kind_of, "json": Json, **SCRIPT["constants"]}
    scope["load"] = lambda module, name: None
    exec(compile(SCRIPT["source"], "telegraf.conf", "exec"), scope)
    metric = Metric("mqtt_consumer")
    metric.tags["topic"] = topic
    metric.fields["value"] = json.dumps(payload)
    metric.time = 1_769_509_800_123_000_000
    made: list[Metric] | None = scope["apply"](metric)
    return made or []


def told(metrics: list[Metric]) -> dict[str, dict[str, Any]]:
    return {one.name: one.fields for one in metrics}


def expected(payload: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The same payload on EgizCore's own way: ingest, then its layout."""
    features = {
        feature: {stored(key): leaf for key, leaf in flatten(properties).items()}
        for feature, properties in _by_feature(payload).items()
    }
    return {feature: fields for feature, fields in features.items() if fields}


def test_the_oven_of_the_prd_is_written_as_egizcore_writes_it() -> None:
    metrics = ran(OVEN)
    assert told(metrics) == expected(OVEN)
    for one in metrics:
        assert one.tags == {"thing_id": "factory:oven-001", "type": "device"}
        assert one.time == 1_769_509_800_123_000_000
        assert all(type(value) in (float, str, bool) for value in one.fields.values())


@pytest.mark.parametrize("payload", [[1, 2], "text", 5, None, {}, {"desiredState": {"a": 1}}])
def test_what_reports_nothing_is_dropped(payload: Any) -> None:
    assert ran(payload) == []


def test_loose_properties_are_of_the_feature_telemetry() -> None:
    assert told(ran({"temp": 21, "on": True})) == {"telemetry": {"temp": 21.0, "on": True}}


@given(st.dictionaries(FEATURES, VALUES, max_size=4))
def test_any_payload_is_written_as_egizcore_writes_it(payload: dict[str, Any]) -> None:
    assert told(ran(payload)) == expected(payload)


def test_the_script_keeps_to_what_starlark_has() -> None:
    tree = ast.parse(SCRIPT["source"])
    unknown = (ast.While, ast.Try, ast.ClassDef, ast.JoinedStr, ast.Is, ast.Import, ast.With)
    assert not [node for node in ast.walk(tree) if isinstance(node, unknown)]
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name, function in functions.items():  # Starlark has no recursion
        called = {one.func.id for one in ast.walk(function) if isinstance(one, ast.Call)
                  and isinstance(one.func, ast.Name)}  # fmt: skip
        assert name not in called


def test_it_takes_the_topics_of_the_default_route_and_names_no_secret() -> None:
    (source,) = CONF["inputs"]["mqtt_consumer"]
    assert source["topics"] == ["sensors/+/telemetry"]
    assert (source["data_format"], source["data_type"]) == ("value", "string")
    (output,) = CONF["outputs"]["influxdb_v2"]
    assert output["token"] == "@{run:influxdb_token}"
    assert CONF["agent"]["precision"] == "1ms"
    assert CONF["agent"]["omit_hostname"]
