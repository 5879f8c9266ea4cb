"""Who reports for which Thing, and over which connection."""

from collections.abc import Container, Iterator
from typing import Final, final

from egizcore.mqtt import Origin
from egizcore.thing import Thing

ENDPOINT: Final = "endpoint"
"""The source of what devices send to us directly; any other one is a link to a broker."""


@final
class Device:
    """One device that reports. *origin* is the connection, or the link, that it last came by."""

    __slots__ = ("name", "origin", "things")

    def __init__(self, name: str, origin: Origin) -> None:
        self.name = name
        self.origin = origin
        self.things: dict[str, None] = {}  # ids of those that it was the last to report for


@final
class Roster:
    """The devices that report.

    Each stands here for one Thing at least, and a Thing has one last reporter at most, so the
    roster is bounded by the Things; and by *table*, the devices table: it stands for its devices
    though others report after them, so that each is told by the way that it came.
    """

    __slots__ = ("_devices", "_published", "_table")

    def __init__(self, table: Container[str] = ()) -> None:
        self._table = table
        self._devices: dict[str, Device] = {}
        # Client id at the endpoint → the devices that its connection published as.
        self._published: dict[str, dict[str, None]] = {}

    def device(self, name: str) -> Device | None:
        """The device of that name, if it is on the roster."""
        return self._devices.get(name)

    def published(self, client_id: str) -> Iterator[Device]:
        """The devices on the roster that a client of the endpoint was the last to publish as."""
        return (self._devices[name] for name in self._published.get(client_id, ()))

    def knows(self, thing: Thing, name: str, origin: Origin) -> Device | None:
        """The device *name* if that it reports for *thing* over *origin* is nothing new."""
        device = self._devices.get(name)
        if device is None or device.origin is not origin or thing.reporter != name:
            return None
        return device

    def note(self, thing: Thing, name: str, origin: Origin) -> Device:
        """From now on the last to report for *thing* is *name*, over *origin*."""
        device = self._devices.get(name)
        if device is None:
            device = self._devices[name] = Device(name, origin)
            self._came(device)
        elif device.origin is not origin:
            self._went(device)
            device.origin = origin
            self._came(device)
        device.things[thing.id] = None
        if thing.reporter != name:
            self.leave(thing)
        thing.reporter = device.name  # that very object: the intake compares identities
        return device

    def leave(self, thing: Thing) -> None:
        """Nobody is the last to report for *thing* any more."""
        name, thing.reporter = thing.reporter, None
        device = None if name is None else self._devices.get(name)
        if device is None:
            return
        device.things.pop(thing.id, None)
        if not device.things and device.name not in self._table:
            self._went(device)
            del self._devices[device.name]

    def _came(self, device: Device) -> None:
        if device.origin.source == ENDPOINT:
            self._published.setdefault(device.origin.client_id, {})[device.name] = None

    def _went(self, device: Device) -> None:
        names = self._published.get(device.origin.client_id, {})
        if device.origin.source == ENDPOINT and names.pop(device.name, "") is None and not names:
            del self._published[device.origin.client_id]
