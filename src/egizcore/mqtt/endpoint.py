"""The device endpoint: an MQTT server for devices (contract.md, section 4).

One timer a second looks at all connections; a connection has neither task nor timer, so ten
thousand idle devices cost their sockets and little more.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final, Generic, TypeAlias, TypeVar, final

import structlog

from egizcore.errors import StartupFailed
from egizcore.mqtt import packet as p
from egizcore.mqtt.connection import Connection, Deliver, Origin
from egizcore.mqtt.memory import Memory, Message, Tally
from egizcore.mqtt.reason import Reason
from egizcore.mqtt.server_session import CONNECT_TIMEOUT, ServerSession
from egizcore.mqtt.sessions import Client, Sessions
from egizcore.mqtt.settings import EndpointSettings
from egizcore.mqtt.topic import Topics

T = TypeVar("T")

# (client id, user name, password) → may it connect?
Authenticate: TypeAlias = Callable[[str, str | None, bytes | None], bool]
# (device, filter) → may it have this subscription?
MaySubscribe: TypeAlias = Callable[[Origin, str], bool]
# Called with a device and a filter once the SUBACK that grants it is queued.
Subscribed: TypeAlias = Callable[[Origin, str], None]

SOURCE: Final = "endpoint"
_SWEEP: Final = 1.0  # seconds between looks at all connections
_QUIET: Final = 1.0  # seconds between lines on broken connections
_BACKLOG: Final = 1024  # connections that wait in the kernel
_FAREWELL: Final = 1.0  # seconds that `stop` gives the devices to hear it

log = structlog.get_logger("egizcore.mqtt")


@final
class Device(Connection[T]):
    """One device's connection; the origin of its batches and the host of its session."""

    __slots__ = ("_endpoint", "_session")

    def __init__(self, endpoint: "Endpoint[T]", topics: Topics[T], max_packet: int) -> None:
        super().__init__(SOURCE, endpoint.deliver)
        self._endpoint = endpoint
        self._session = ServerSession(
            topics, self, monotonic(), max_packet=max_packet, patience=CONNECT_TIMEOUT
        )

    @property
    def session(self) -> ServerSession[T]:
        """The session of this socket."""
        return self._session

    @property
    def client_id(self) -> str:
        """The id that the device chose, or was given."""
        return self._session.client_id

    @property
    def username(self) -> str | None:
        """The user name of its CONNECT."""
        return self._session.username

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        # A device may have no keep-alive at all: then the kernel finds that it is gone.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._endpoint.watch(self)
        super().connection_made(transport)

    def authenticate(self, client_id: str, username: str | None, password: bytes | None) -> bool:
        """See `Host`."""
        return self._endpoint.authenticate(client_id, username, password)

    def admit(self, client_id: str, *, clean: bool) -> tuple[Memory, bool]:
        """See `Host`."""
        return self._endpoint.admit(self, client_id, clean=clean)

    def may_subscribe(self, filter: str) -> bool:
        """See `Host`."""
        return self._endpoint.may_subscribe(self, filter)

    def subscribed(self, filter: str) -> None:
        """See `Host`."""
        self._endpoint.subscribed(self, filter)

    def flush(self) -> None:
        """Send what the session has; its end frees the client id at once."""
        super().flush()
        if self._session.closed:
            self._endpoint.part(self)

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:  # noqa: ARG002
        """See `Origin`; nobody here keeps what is retained."""
        return self._endpoint.send(self.client_id, topic, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """The device is gone."""
        super().connection_lost(exc)
        self._endpoint.release(self)


@final
class Endpoint(Generic[T]):
    """The device endpoint.

    *deliver* is called synchronously with what one socket read contained, before its
    acknowledgements go out; also with the will of a device that is gone. *acknowledged* and
    *dropped* tell what became of the publications that `Origin.send` queued. *errors* counts
    connections that broke the protocol; it is read at scrape, as the properties are.
    """

    __slots__ = (
        "_connections",
        "_empty",
        "_max_packet",
        "_sessions",
        "_settings",
        "_server",
        "_stopping",
        "_sweeper",
        "_told",
        "_topics",
        "authenticate",
        "deliver",
        "errors",
        "may_subscribe",
        "port",
        "subscribed",
    )

    def __init__(
        self,
        settings: EndpointSettings,
        topics: Topics[T],
        deliver: Deliver[T],
        *,
        max_packet: int,
        authenticate: Authenticate,
        may_subscribe: MaySubscribe,
        subscribed: Subscribed,
        acknowledged: Callable[[], None],
        dropped: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self.port = settings.port  # after `start` the one that the system chose for 0
        self._topics = topics
        self.deliver = deliver
        self._max_packet = max_packet
        self.authenticate = authenticate
        self.may_subscribe = may_subscribe
        self.subscribed = subscribed
        # Bounded by the descriptors of the process.
        self._connections: set[Device[T]] = set()
        self._sessions: Sessions[T] = Sessions(self._execute, Tally(acknowledged, dropped))
        self._empty = asyncio.Event()  # `stop` waits for it
        self._server: asyncio.Server | None = None
        self._stopping = False
        self._told = -_QUIET
        self._sweeper: asyncio.TimerHandle | None = None
        self.errors = 0

    @property
    def devices(self) -> int:
        """How many devices are connected."""
        return self._sessions.connected

    @property
    def away(self) -> int:
        """How many sessions are kept for devices that are not connected."""
        return self._sessions.away

    @property
    def takeovers(self) -> int:
        """How many connections another of the same client id ended."""
        return self._sessions.takeovers

    @property
    def forgotten(self) -> int:
        """How many sessions had to go before their time, for there were too many."""
        return self._sessions.forgotten

    def waiting(self) -> int:
        """Bytes that devices sent and that are not applied."""
        return sum(device.waiting() for device in self._connections)

    async def start(self) -> None:
        """Listen and accept. Raises `StartupFailed` if the address cannot be had."""
        host, port = self._settings.host, self._settings.port
        loop = asyncio.get_running_loop()
        with _explained(host, port):
            self._server = await loop.create_server(self._device, host, port, backlog=_BACKLOG)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._sweep()

    async def stop(self) -> None:
        """Take no more input: DISCONNECT 0x8B to each device (MQTT 5), then close."""
        self._stopping = True  # a server that shuts down publishes no wills (MQTT-3.1.2-8)
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for device in tuple(self._connections):
            device.session.end(Reason.SERVER_SHUTTING_DOWN, "the server shuts down")
            device.flush()
        if self._connections:
            self._empty.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._empty.wait()
        for device in tuple(self._connections):
            device.cut("the server shuts down")

    def watch(self, device: Device[T]) -> None:
        """A connection is open: its time runs."""
        self._connections.add(device)

    def admit(self, device: Device[T], client_id: str, *, clean: bool) -> tuple[Memory, bool]:
        """A device's CONNECT is accepted: what is remembered of it, and was there anything?"""
        takeovers = self._sessions.takeovers
        memory, present = self._sessions.admit(device, client_id, monotonic(), clean=clean)
        if self._sessions.takeovers > takeovers:
            log.warning("a second device with this client id took over", client_id=client_id)
        log.debug("device connected", client_id=client_id, resumed=present)
        return memory, present

    def send(self, client_id: str, topic: str, payload: bytes) -> bool:
        """Queue a publication for a device that subscribed to *topic*; else False.

        A subscription of QoS 0 does not let it wait: not while the device is away, nor while it
        does not read.
        """
        found = self._sessions.find(client_id)
        grant = None if found is None else found[0].granted(topic)
        if found is None or grant is None:
            return False
        memory, client = found
        qos, identifiers = grant
        message = Message(topic, payload, identifiers=identifiers)
        if client is None or client.session.closed:
            if qos:
                memory.outgoing.put(message)
            return bool(qos)
        if not qos and client.stalled:
            return False
        client.session.send(message, qos)
        client.flush()
        return True

    def part(self, device: Device[T]) -> None:
        """A device's session has no connection any more."""
        if self._sessions.release(device, monotonic()):
            log.debug("device gone", client_id=device.client_id, why=device.session.detail)

    def release(self, device: Device[T]) -> None:
        """A connection is closed."""
        self._connections.discard(device)
        if not self._connections:
            self._empty.set()
        if device.session.fault:
            self.errors += 1
            self._tell(device)
        self.part(device)

    def _execute(self, will: p.Will, client: Client[T]) -> None:
        """Publish the will of a device: telemetry like any other."""
        if self._stopping:
            return
        try:
            target = self._topics[will.topic.encode()]
            self.deliver([(target, will.payload, False)], client)
        except Exception:
            log.exception("a will could not be applied", client_id=client.client_id)

    def _tell(self, device: Device[T]) -> None:
        """One line a second at most: whoever sends garbage must not fill the disk."""
        now = monotonic()
        if now >= self._told + _QUIET:
            self._told = now
            log.info(
                "closed a connection that broke the protocol",
                client_id=device.client_id,
                why=device.session.detail,
                errors=self.errors,
            )

    def _device(self) -> Device[T]:
        return Device(self, self._topics, self._max_packet)

    def _sweep(self) -> None:
        self._look(monotonic())
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)

    def _look(self, now: float) -> None:
        """End what is over: waits for a CONNECT, keep-alives, sessions, the delays of wills."""
        for device in tuple(self._connections):
            if device.overdue(now):
                device.cut("the device does not read what it is sent")
            elif now >= device.session.deadline:
                device.session.tick(now)
                device.flush()
        self._sessions.sweep(now)


@contextmanager
def _explained(host: str, port: int) -> Iterator[None]:
    """Turn the system's refusal into one line with the mend."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            detail = f"the MQTT endpoint cannot listen on {host}:{port}: the port is taken"
            hint = "Stop the other program (a Mosquitto?), or set endpoint.port to a free port."
        else:
            why = (error.strerror or str(error)).lower()
            detail = f"the MQTT endpoint cannot listen on {host}:{port}: {why}"
            hint = "Set endpoint.host and endpoint.port to an address of this machine."
        raise StartupFailed(detail, hint=hint) from None
