"""The rooms from a message to a command, with connections that keep what they are sent."""

import json
from typing import Any, final

from tests.state.plant import TIME, compact

from egizcore.bus import Bus
from egizcore.command import CommandSettings, Courier
from egizcore.ingest import DEFAULT_ROUTES, Intake, Routes, RouteSettings
from egizcore.state import LimitSettings, Registry, Store
from egizcore.thing.draft import read_feature, read_thing


@final
class Line:
    """A client of the endpoint, or a link: it takes what it subscribed to, a link everything."""

    def __init__(
        self, client_id: str, username: str | None = None, *, source: str = "endpoint"
    ) -> None:
        self.source = source
        self.client_id = client_id
        self.username = username
        self.up = True
        self.filters: set[str] = set()
        self.got: list[tuple[str, bytes, bool]] = []

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        taken = self.up and (self.source != "endpoint" or topic in self.filters)
        if taken:
            self.got.append((topic, payload, retain))
        return taken

    def taken(self) -> list[dict[str, Any]]:
        """The commands since the last call."""
        got, self.got = self.got, []
        return [json.loads(payload) for _, payload, _ in got]


def link(name: str = "mqtt") -> Line:
    return Line(f"egizcore-{name}", source=name)


@final
class Plant:
    def __init__(
        self,
        *routes: RouteSettings,
        devices: dict[str, str] | None = None,
        links: tuple[Line, ...] = (),
        **settings: Any,
    ) -> None:
        self.bus = Bus("epoch1")
        self.store = Store(self.bus, LimitSettings())
        self.registry = Registry(self.store, lambda: TIME)
        self.courier = Courier(CommandSettings(**settings), self.store.things, devices or {})
        self.courier.links = links
        self.bus.attach_rare(self.courier.hear)
        self.routes = Routes(routes or DEFAULT_ROUTES, devices or {})
        self.intake = Intake(self.store, self.routes, lambda: TIME, heard=self.courier.heard)
        self.targets: dict[str, Any] = {}
        for source in ("endpoint", *(one.source for one in links)):
            self.intake.add_source(source)

    def report(self, line: Line, device: str, payload: Any = None) -> None:
        """One reading on the usual topic."""
        self.publish(line, f"sensors/{device}/telemetry", payload or {"thermal": {"t": 1}})

    def publish(self, line: Line, topic: str, payload: Any) -> None:
        if topic not in self.targets:
            self.targets[topic] = self.routes.resolve(topic)
        self.intake.take([(self.targets[topic], compact(payload), False)], line)

    def subscribe(self, line: Line, filter: str) -> bool:
        """What the endpoint does with a SUBSCRIBE."""
        if not self.courier.may_subscribe(line, filter):
            return False
        line.filters.add(filter)
        self.courier.subscribed(line, filter)
        return True

    def want(self, thing_id: str, wish: Any, feature: str = "thermal") -> int:
        """Set what is desired; the version that it made."""
        draft = read_feature({"desiredState": wish})
        return self.registry.merge_feature(thing_id, feature, draft).version

    def put(self, thing_id: str, **document: Any) -> None:
        self.registry.put(thing_id, read_thing({"type": "oven", **document}))

    def create(self, **document: Any) -> None:
        self.registry.create(read_thing({"type": "oven", **document}, versioned=False))
