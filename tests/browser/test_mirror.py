"""The page's own copy of the Things: its rules, run in Chromium."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page
from tests.console.documents import objects, values
from tests.console.test_mirror import RFC_7396, changed, snapshot, thing

from egizcore.console.mirror import merge

pytestmark = pytest.mark.browser

MERGE = """async (cases) => {
  const { merge } = await import("/console/mirror.js");
  return JSON.stringify(cases.map((text) => merge(...JSON.parse(text))));
}"""
TAKE = """async (messages) => {
  const { Mirror } = await import("/console/mirror.js");
  const mirror = new Mirror();
  const taken = messages.map((message) => mirror.take(message));
  const { events, dropped, seq } = mirror;
  return { things: Object.fromEntries(mirror.things), taken, events, dropped, seq };
}"""


def merged(page: Page, cases: list[tuple[Any, Any]]) -> Any:
    return json.loads(page.evaluate(MERGE, [json.dumps(case) for case in cases]))


def take(page: Page, *messages: dict[str, Any]) -> Any:
    return page.evaluate(TAKE, list(messages))


def test_merging_follows_the_examples_of_rfc_7396(page: Page) -> None:
    results = merged(page, [(target, patch) for target, patch, _ in RFC_7396])
    assert results == [result for _, _, result in RFC_7396]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(st.tuples(values, objects), min_size=30, max_size=60))
def test_it_merges_as_the_python_client_does(page: Page, cases: list[tuple[Any, Any]]) -> None:
    assert merged(page, cases) == [merge(target, patch) for target, patch in cases]


def test_a_snapshot_counts_from_its_last_message_on(page: Page) -> None:
    half = take(page, snapshot(thing(), last=False))
    assert half["things"] == {}
    whole = take(page, snapshot(thing(), last=False), snapshot({**thing(), "id": "f:p"}))
    assert set(whole["things"]) == {"f:o", "f:p"}
    assert whole["taken"] == [[], None]


def test_a_change_that_is_not_newer_is_left_out(page: Page) -> None:
    late = changed("StateChanged", 5, feature="thermal", properties={"setpoint": 1}, seq=9)
    result = take(page, snapshot(thing(version=5, thermal={"setpoint": 190})), late)
    assert result["things"]["f:o"]["features"]["thermal"]["properties"] == {"setpoint": 190}
    assert (result["dropped"], result["seq"]) == (1, 9)


def test_a_conflated_change_replaces_and_counts_for_all_it_stands_for(page: Page) -> None:
    message = changed("StateChanged", 9, feature="thermal", properties={"new": 2}, conflated=8)
    result = take(page, snapshot(thing(thermal={"old": 1})), message)
    assert result["things"]["f:o"]["features"]["thermal"]["properties"] == {"new": 2}
    assert result["events"] == 8


def test_a_things_life_is_followed_to_its_end(page: Page) -> None:
    life = [
        changed("ThingCreated", 1, thing=thing()),
        changed("ThingUpdated", 2, changed={"metadata": {"name": "Oven"}}),
        changed("DesiredStateChanged", 3, feature="x", desiredState={"a": 1}),
        changed("FeatureDeleted", 4, feature="x"),
    ]
    alive = take(page, *life[:3])["things"]["f:o"]
    assert alive["metadata"] == {"name": "Oven"}
    assert alive["features"]["x"]["desiredState"] == {"a": 1}
    assert take(page, *life)["things"]["f:o"]["features"] == {}
    assert take(page, *life, changed("ThingDeleted", 5))["things"] == {}


def test_an_event_of_a_later_engine_is_no_error(page: Page) -> None:
    assert take(page, {"event": "Something", "seq": 3})["taken"] == [[]]


@pytest.mark.parametrize(
    ("code", "again"), [(4000, True), (4002, True), (1006, True), (4100, False), (4101, False)]
)
def test_close_codes_say_whether_to_come_back(page: Page, code: int, again: bool) -> None:  # noqa: FBT001
    script = "async (code) => (await import('/console/link.js')).mayReturn(code)"
    assert page.evaluate(script, code) is again


def test_the_pauses_grow_to_a_bound_and_are_jittered(page: Page) -> None:
    script = """async () => {
      const { pause } = await import("/console/link.js");
      return [0, 1, 2, 9, 99].map((attempt) => [pause(attempt, () => 0), pause(attempt, () => 1)]);
    }"""
    lowest, highest = zip(*page.evaluate(script), strict=True)
    assert lowest == (200,) * 5
    assert highest == (700, 1200, 2200, 15200, 15200)
