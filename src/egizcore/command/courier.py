"""Carries what is desired of a Thing to its devices (contract.md, section 4, Commands)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, final

import msgspec

from egizcore.command.address import Address
from egizcore.command.roster import ENDPOINT, Roster
from egizcore.command.settings import CommandSettings
from egizcore.mqtt import Origin
from egizcore.thing import DesiredStateChanged, Event, Thing, ThingCreated, ThingDeleted

_encode: Final = msgspec.json.Encoder().encode


class Way(Protocol):
    """A link to a broker, or one connection."""

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Send it with QoS 1; False if it cannot be."""
        ...


@final
class Listener:
    """A client of the endpoint that hears commands, and what it knows.

    *told* has the Things of which it got all that is desired, with its subscription or with a
    report: id → number of the newest wish at that time.
    """

    __slots__ = ("origin", "told")

    MAX_TOLD: Final = 10_000  # then all are forgotten: to be told twice does no harm

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.told: dict[str, int] = {}

    def tell(self, thing_id: str, wish: int) -> None:
        """Note that it knows what is desired of this Thing, up to *wish*."""
        if len(self.told) >= self.MAX_TOLD and thing_id not in self.told:
            self.told.clear()
        self.told[thing_id] = wish


@final
class Courier:
    """Hears what is desired and who reports, and publishes the one to the other.

    *devices* is the devices table, device → Thing id. *links* are those to brokers; the engine
    sets them when they stand. Read at scrape: *sent* counts commands that a link or a session
    took, *acknowledged* those that their receiver confirmed, *dropped* those that were lost:
    refused by a link that is down, or pushed out of a session's queue.

    ``hear`` is a listener of the bus and runs inside the change, so commands leave in the order
    of versions.
    """

    __slots__ = (
        "_address",
        "_by_client",
        "_by_device",
        "_devices",
        "_mapped",
        "_retain",
        "_roster",
        "_things",
        "_wish",
        "_wishes",
        "acknowledged",
        "dropped",
        "forgotten",
        "links",
        "sent",
    )

    MAX_LISTENERS: Final = 65_536

    def __init__(
        self,
        settings: CommandSettings,
        things: Mapping[str, Thing],
        devices: Mapping[str, str],
    ) -> None:
        self._address = Address(settings.topic)
        self._retain = settings.retain
        self._things = things
        self._devices = devices
        self._mapped: dict[str, list[str]] = {}  # Thing id → its devices in the table
        for device, thing_id in devices.items():
            self._mapped.setdefault(thing_id, []).append(device)
        self._roster = Roster(devices)
        self._wish = 0  # number of the newest change of what is desired
        self._wishes: dict[str, int] = {}  # Thing id → its newest one; bounded by the Things
        # At MAX_LISTENERS the oldest is forgotten and counted: it hears again by subscribing.
        self._by_client: dict[str, Listener] = {}
        self._by_device: dict[str, Listener] = {}  # the last that subscribed as this device
        self.forgotten = 0
        self.links: Sequence[Way] = ()
        self.sent = 0
        self.acknowledged = 0
        self.dropped = 0

    # What the engine tells ------------------------------------------------------------------

    def hear(self, event: Event, before: Thing | None, after: Thing | None) -> None:
        """A listener of the bus, for all events but StateChanged."""
        if isinstance(event, DesiredStateChanged) and after is not None:
            self._publish(after, event.feature)
        elif isinstance(event, ThingCreated) and after is not None:
            for feature in _wished(after):
                self._publish(after, feature)
        elif isinstance(event, ThingDeleted) and before is not None:
            self._roster.leave(before)
            self._wishes.pop(before.id, None)

    def heard(self, thing: Thing, device: str | None, origin: Origin) -> str | None:
        """*device* reports for *thing*, over *origin*; the name that it goes by from now on.

        A message that names no device, or none that could be told anything, is that of its client
        at the endpoint, and of nobody where it came through a broker.
        """
        direct = origin.source == ENDPOINT
        name = device
        if name is None or self._address.topic(name) is None:
            name = origin.client_id if direct else None
        if name is None:
            self._roster.leave(thing)
            return None
        known = self._roster.knows(thing, name, origin)
        if known is not None:
            return known.name
        noted = self._roster.note(thing, name, origin)
        if direct:
            listener = self._by_device.get(name) or self._by_client.get(origin.client_id)
            newest = self._wishes.get(thing.id, 0)
            if listener is not None and listener.told.get(thing.id, -1) < newest:
                listener.tell(thing.id, newest)
                for feature in _wished(thing):
                    self._send(name, thing.id, message(thing, feature))
        return noted.name

    def may_subscribe(self, origin: Origin, filter: str) -> bool:
        """Whether *filter* is the command topic of a device that *origin* is."""
        name = self._address.device(filter)
        return name is not None and (
            name in (origin.client_id, origin.username)
            or any(device.name == name for device in self._roster.published(origin.client_id))
        )

    def subscribed(self, origin: Origin, filter: str) -> None:
        """*origin* subscribed to *filter*: it gets all that is desired of its Things."""
        name = self._address.device(filter)
        if name is None:
            return
        listener = self._listener(origin)
        self._by_device.pop(name, None)
        self._by_device[name] = listener
        self.forgotten += _trimmed(self._by_device, self.MAX_LISTENERS)
        listener.told.clear()  # whoever subscribes anew may have lost what it was told
        for thing in self._things_of(name, origin):
            listener.tell(thing.id, self._wishes.get(thing.id, 0))
            for feature in _wished(thing):
                self.sent += origin.send(filter, message(thing, feature))

    def was_acknowledged(self) -> None:
        """The receiver of a command confirmed it."""
        self.acknowledged += 1

    def were_dropped(self, count: int) -> None:
        """So many commands that a link or a session took were lost there."""
        self.dropped += count

    # Who gets what --------------------------------------------------------------------------

    def _publish(self, thing: Thing, feature: str) -> None:
        self._wish += 1
        self._wishes[thing.id] = self._wish
        devices = list(self._mapped.get(thing.id, ()))
        if thing.reporter is not None and thing.reporter not in devices:
            devices.append(thing.reporter)
        if devices:
            payload = message(thing, feature)
            for device in devices:
                self._send(device, thing.id, payload)

    def _send(self, name: str, thing_id: str, payload: bytes) -> None:
        """To one device, by the way it came; by every link if it never did."""
        topic = self._address.topic(name)
        device = self._roster.device(name)
        listener = self._by_device.get(name)
        if listener is not None and topic is not None:
            if listener.origin.send(topic, payload):
                listener.tell(thing_id, self._wishes.get(thing_id, 0))
                self.sent += 1
                return
            del self._by_device[name]  # its session is gone, or its subscription
        if device is None:
            ways = self.links
        elif device.origin.source == ENDPOINT:
            self._send_direct(name, device.origin, thing_id, payload)
            return
        else:
            ways = (device.origin,)
        if topic is None:
            return
        for way in ways:
            if way.send(topic, payload, retain=self._retain):
                self.sent += 1
            else:
                self.dropped += 1

    def _send_direct(self, device: str, origin: Origin, thing_id: str, payload: bytes) -> None:
        """To a client of the endpoint, under the name that it subscribed with.

        One that hears no commands loses none: it gets what is desired when it subscribes.
        """
        for name in (device, origin.client_id, origin.username):
            topic = None if name is None else self._address.topic(name)
            if topic is not None and origin.send(topic, payload):
                listener = self._by_client.get(origin.client_id)
                if listener is not None:
                    listener.tell(thing_id, self._wishes.get(thing_id, 0))
                self.sent += 1
                return

    def _listener(self, origin: Origin) -> Listener:
        listener = self._by_client.pop(origin.client_id, None)
        if listener is None or listener.origin is not origin:
            listener = Listener(origin)
        self._by_client[origin.client_id] = listener
        self.forgotten += _trimmed(self._by_client, self.MAX_LISTENERS)
        return listener

    def _things_of(self, name: str, origin: Origin) -> Iterator[Thing]:
        """The Things that the device *name* of *origin* stands for."""
        ids: dict[str, None] = {}
        own = self._roster.device(name)
        known = [] if own is None else [own]
        if name in (origin.client_id, origin.username):
            known += self._roster.published(origin.client_id)
        for device in (name, *(one.name for one in known)):
            if device in self._devices:
                ids[self._devices[device]] = None
        for one in known:
            ids |= one.things
        return (self._things[thing_id] for thing_id in ids if thing_id in self._things)


def message(thing: Thing, feature: str) -> bytes:
    """The command: the whole of what is desired of a feature."""
    wish: dict[str, Any] = {
        "thingId": thing.id,
        "feature": feature,
        "desiredState": thing.features[feature].desired_state,
        "version": thing.version,
    }
    return _encode(wish)


def _wished(thing: Thing) -> list[str]:
    """The features of which something is desired."""
    return [name for name, feature in thing.features.items() if feature.desired_state]


def _trimmed(listeners: dict[str, Listener], most: int) -> int:
    """Drop the oldest of *listeners* if there are more than *most*; how many went."""
    if len(listeners) <= most:
        return 0
    del listeners[next(iter(listeners))]
    return 1
