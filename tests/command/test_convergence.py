"""Whatever comes between: who is asked for a Thing and listens knows all that is desired of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.command.plant import Line, Plant

from egizcore.ingest import RouteSettings

ROUTE = RouteSettings(topic="lines/{line}/{device}", thing="factory:{line}")
TABLE = {"c": "factory:l2"}
THINGS = ("factory:l1", "factory:l2")
FEATURES = ("f", "g")
devices = st.sampled_from(["a", "b", "c"])
reports = st.tuples(st.just("report"), devices, st.sampled_from(["l1", "l2"]))
wants = st.tuples(
    st.just("want"),
    st.sampled_from(THINGS),
    st.sampled_from(FEATURES),
    st.one_of(st.none(), st.integers(0, 9)),
)
steps = st.one_of(
    reports,
    reports,
    wants,
    wants,
    st.tuples(st.just("subscribe"), devices),
    st.tuples(st.just("unsubscribe"), devices),
    st.tuples(st.just("reconnect"), devices, st.booleans()),
    st.tuples(st.just("delete"), st.sampled_from(THINGS)),
    st.tuples(st.just("create"), st.sampled_from(THINGS), st.integers(0, 9)),
)


class World:
    """Three devices, of which any two may report for the same Thing."""

    def __init__(self) -> None:
        self.plant = Plant(ROUTE, devices=TABLE)
        self.lines = {name: Line(name) for name in ("a", "b", "c")}
        for name in self.lines:
            self.subscribe(name)

    def report(self, device: str, line: str) -> None:
        self.plant.publish(self.lines[device], f"lines/{line}/{device}", {"f": {"p": 1}})

    def subscribe(self, device: str) -> None:
        assert self.plant.subscribe(self.lines[device], f"devices/{device}/desired")

    def unsubscribe(self, device: str) -> None:
        self.lines[device].filters.clear()
        self.lines[device].got.clear()

    def reconnect(self, device: str, clean: bool) -> None:  # noqa: FBT001 - a drawn value
        """A new connection of the session, or of a new one: what is sent by the old reaches it."""
        old = self.lines[device]
        if clean:
            self.unsubscribe(device)
        new = self.lines[device] = Line(device)
        new.filters, new.got = old.filters, old.got

    def want(self, thing_id: str, feature: str, value: int | None) -> None:
        if thing_id in self.plant.store.things:
            self.plant.want(thing_id, {"s": value}, feature)

    def delete(self, thing_id: str) -> None:
        if thing_id in self.plant.store.things:
            self.plant.registry.delete(thing_id)

    def create(self, thing_id: str, value: int) -> None:
        if thing_id not in self.plant.store.things:
            self.plant.create(id=thing_id, features={"f": {"desiredState": {"s": value}}})

    def known(self, device: str, thing_id: str, feature: str) -> Any:
        """What the device was told last."""
        told = [json.loads(payload) for _, payload, _ in self.lines[device].got]
        wishes = [
            one["desiredState"]
            for one in told
            if (one["thingId"], one["feature"]) == (thing_id, feature)
        ]
        return wishes[-1] if wishes else None

    def check(self) -> None:
        for thing in self.plant.store.things.values():
            asked = {device for device, mapped in TABLE.items() if mapped == thing.id}
            if thing.reporter is not None:
                asked.add(thing.reporter)
            for device in asked:
                if not self.lines[device].filters:
                    continue
                for name, feature in thing.features.items():
                    if feature.desired_state:
                        assert self.known(device, thing.id, name) == feature.desired_state


@given(st.lists(steps, min_size=10, max_size=40))
def test_who_is_asked_and_listens_knows_all_that_is_desired(
    taken: list[tuple[Any, ...]],
) -> None:
    world = World()
    for name, *arguments in taken:
        getattr(world, name)(*arguments)
        world.check()


def test_who_subscribes_anew_while_another_reports_is_told_when_it_reports_again() -> None:
    world = World()
    world.report("b", "l2")
    world.want("factory:l2", "f", 0)
    world.unsubscribe("b")
    world.report("a", "l2")
    world.subscribe("b")
    world.report("b", "l2")
    world.check()
