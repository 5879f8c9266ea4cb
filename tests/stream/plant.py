"""An engine without sockets: a store, a hub on a loop that a test turns, and screens that watch."""

import itertools
from collections import deque
from collections.abc import Callable, Sized
from typing import Any, final

import msgspec

from egizcore.bus import Bus
from egizcore.state import LimitSettings, Reading, Registry, Store, settle
from egizcore.stream.client import Client, Tally
from egizcore.stream.command import read_command
from egizcore.stream.hub import Hub
from egizcore.thing.document import write_json
from egizcore.thing.draft import read_feature, read_thing

EPOCH = "epoch1"
TIME = 1_769_509_800_000  # 2026-01-27T10:30:00Z

Json = dict[str, Any]


@final
class Loop:
    """Keeps what it was asked to call until the test says that a turn has come."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.delays: list[float] = []

    def call_soon(self, callback: Callable[[], None], /) -> object:
        self.calls.append(callback)
        self.delays.append(0.0)
        return None

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object:
        self.calls.append(callback)
        self.delays.append(delay)
        return None

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()

    def run(self) -> None:
        """Turn until nothing is left to do."""
        for _ in range(10_000):
            if not self.calls:
                return
            self.turn()
        raise AssertionError("the loop never comes to rest")


@final
class Plant:
    """The engine as far as the stream sees it; the clock goes 1 ms a change."""

    def __init__(self, things: int = 0) -> None:
        self.bus = Bus(EPOCH)
        self.store = Store(self.bus, LimitSettings())
        self.clock = itertools.count(TIME)
        self.registry = Registry(self.store, lambda: next(self.clock))
        self.loop = Loop()
        self.latencies: list[tuple[float, int]] = []
        self.hub = Hub(self.store, self.loop, lambda *told: self.latencies.append(told))
        self.tally = Tally()
        for number in range(things):
            self.create(f"f:{number:05}")

    def create(self, thing_id: str, kind: str = "oven", **members: Any) -> None:
        self.registry.create(read_thing({"id": thing_id, "type": kind, **members}))

    def put(self, thing_id: str, **document: Any) -> None:
        self.registry.put(thing_id, read_thing(document))

    def merge(self, thing_id: str, **patch: Any) -> None:
        self.registry.merge(thing_id, read_thing(patch))

    def delete(self, thing_id: str) -> None:
        self.registry.delete(thing_id)

    def write(self, thing_id: str, feature: str, **document: Any) -> None:
        self.registry.merge_feature(thing_id, feature, read_feature(document))

    def delete_feature(self, thing_id: str, feature: str) -> None:
        self.registry.delete_feature(thing_id, feature)

    def report(self, thing_id: str, feature: str, **properties: Any) -> None:
        """What a device reports, which creates its Thing."""
        settle(self.store, thing_id, "oven", Reading({feature: properties}, next(self.clock)))

    def document(self, thing_id: str) -> Json:
        return self.store.things[thing_id].document()

    def screen(self) -> "Screen":
        return Screen(self)

    def traces(self) -> dict[str, int]:
        """How much the hub still remembers, by where."""
        hub = self.hub
        kept: dict[str, Sized] = {
            "audiences": hub._audiences,
            "filtered": hub._filtered,
            "by_thing": hub._by_thing,
            "selections": hub._selections,
            "watched": hub._watched,
            "routes": hub._routes,
            "moved": hub._moved,
            "waiting": hub._waiting,
            "events": hub.events,
        }
        return {name: len(there) for name, there in kept.items() if there}


@final
class Screen:
    """A client that notes all that it is told, and can stop to take it."""

    def __init__(self, plant: Plant, room: int | None = None) -> None:
        self.plant = plant
        self.messages: list[Json] = []
        self.seqs: list[int] = []  # the newest when each of them was written
        self.writes: list[bytes] = []
        self.room = room  # bytes that it takes until it stalls; None: any
        self.stalled = False
        self.client = Client(
            plant.hub, plant.tally, self._write, lambda: plant.hub.later(self.catch_up)
        )
        self.gone = False

    def catch_up(self) -> None:
        """A turn has come for what is owed to it."""
        if not self.gone:
            self.client.catch_up()

    def _write(self, data: bytes) -> None:
        assert not self.gone, "written to although it has gone"
        told = messages(data)
        is_answer = "thingId" not in told[0] and told[0]["event"] != "Snapshot"
        assert not self.stalled or is_answer, "written to although it takes nothing"
        self.writes.append(data)
        self.messages += told
        self.seqs += [self.plant.bus.seq] * len(told)
        if self.room is not None:
            self.room -= len(data)
            if self.room <= 0 and not self.stalled:
                self.stall()

    def say(self, **command: Any) -> None:
        self.client.receive(read_command(write_json(command)))

    def ask(self, **command: Any) -> Json:
        """Say it and give the answer, where one comes at once."""
        before = len(self.messages)
        self.say(**command)
        return self.messages[before]

    def watch(self, **selector: Any) -> str:
        """Subscribe; the subscription's name."""
        name: str = self.ask(action="subscribe", **(selector or {"filter": {}}))["subscription"]
        self.take()
        return name

    def stall(self) -> None:
        self.stalled = True
        self.client.paused()

    def drain(self, room: int | None = None) -> None:
        """Take again, *room* bytes or any."""
        self.room = room
        self.stalled = False
        self.client.resumed()

    def leave(self) -> None:
        self.client.leave()
        self.gone = True

    def take(self) -> list[Json]:
        """All since the last time."""
        taken, self.messages = self.messages, []
        self.seqs.clear()
        return taken

    def events(self) -> list[Json]:
        """Turn the loop until it rests, and give what came."""
        self.plant.loop.run()
        return self.take()


def messages(data: bytes) -> list[Json]:
    """The text messages of unmasked frames."""
    return [msgspec.json.decode(payload) for payload in payloads(data)]


def payloads(data: bytes) -> list[bytes]:
    found: list[bytes] = []
    rest = deque([data])
    while rest[0]:
        one = rest.popleft()
        assert one[0] == 0x81, "one final text frame"
        length, start = one[1], 2
        if length == 126:
            length, start = int.from_bytes(one[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(one[2:10], "big"), 10
        assert len(one) >= start + length, "whole frames only"
        found.append(one[start : start + length])
        rest.append(one[start + length :])
    return found
