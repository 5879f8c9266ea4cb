"""The device endpoint: an MQTT server for devices that publish (contract.md, section 4).

One timer a second looks at all connections; a connection has neither task nor timer, so ten
thousand idle devices cost their sockets and little more.
"""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final, Generic, TypeVar, final

import structlog

from egizcore.errors import StartupFailed
from egizcore.mqtt.connection import Connection, Deliver
from egizcore.mqtt.reason import Reason
from egizcore.mqtt.server_session import CONNECT_TIMEOUT, Authenticate, ServerSession
from egizcore.mqtt.settings import EndpointSettings
from egizcore.mqtt.topic import Topics

T = TypeVar("T")

SOURCE: Final = "endpoint"
_SWEEP: Final = 1.0  # seconds between looks at all connections
_QUIET: Final = 1.0  # seconds between lines on broken connections
_BACKLOG: Final = 1024  # connections that wait in the kernel
_FAREWELL: Final = 1.0  # seconds that `stop` gives the devices to hear it

log = structlog.get_logger("egizcore.mqtt")


@final
class Device(Connection[T]):
    """One device's connection; the origin of its batches."""

    __slots__ = ("_endpoint", "_session")

    def __init__(self, endpoint: "Endpoint[T]", session: ServerSession[T]) -> None:
        super().__init__(SOURCE, endpoint.deliver)
        self._endpoint = endpoint
        self._session = session

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

    def data_received(self, data: bytes) -> None:
        """Apply one socket read; the one with the CONNECT also makes the device known."""
        known = self._session.client_id
        super().data_received(data)
        if not known and self._session.client_id:
            self._endpoint.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The device is gone."""
        super().connection_lost(exc)
        self._endpoint.release(self)


@final
class Endpoint(Generic[T]):
    """The device endpoint.

    *deliver* is called synchronously with what one socket read contained, before its
    acknowledgements go out. *errors* counts connections that broke the protocol, *takeovers*
    sessions that a second device of the same client id took over; both are read at scrape.
    """

    __slots__ = (
        "_authenticate",
        "_by_id",
        "_connections",
        "_empty",
        "_max_packet",
        "_settings",
        "_server",
        "_sweeper",
        "_told",
        "_topics",
        "deliver",
        "errors",
        "port",
        "takeovers",
    )

    def __init__(
        self,
        settings: EndpointSettings,
        topics: Topics[T],
        deliver: Deliver[T],
        *,
        max_packet: int,
        authenticate: Authenticate,
    ) -> None:
        self._settings = settings
        self.port = settings.port  # after `start` the one that the system chose for 0
        self._topics = topics
        self.deliver = deliver
        self._max_packet = max_packet
        self._authenticate = authenticate
        # Bounded by the descriptors of the process.
        self._connections: set[Device[T]] = set()
        self._by_id: dict[str, Device[T]] = {}
        self._empty = asyncio.Event()  # `stop` waits for it
        self._server: asyncio.Server | None = None
        self._told = -_QUIET
        self._sweeper: asyncio.TimerHandle | None = None
        self.errors = 0
        self.takeovers = 0

    @property
    def devices(self) -> int:
        """How many devices are connected."""
        return len(self._by_id)

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

    def admit(self, device: Device[T]) -> None:
        """A device's CONNECT was accepted; it takes over a session of its id (MQTT-3.1.4-3)."""
        client_id = device.client_id
        old = self._by_id.get(client_id)
        if old is not None:
            self.takeovers += 1
            log.warning("a second device with this client id took over", client_id=client_id)
            old.session.end(Reason.SESSION_TAKEN_OVER, "another device has this client id")
            old.flush()
        if not device.session.closed:
            self._by_id[client_id] = device
            log.debug("device connected", client_id=client_id)
        elif old is not None:
            del self._by_id[client_id]

    def release(self, device: Device[T]) -> None:
        """A device's connection is closed."""
        self._connections.discard(device)
        if not self._connections:
            self._empty.set()
        session = device.session
        if session.fault:
            self.errors += 1
            self._tell(device)
        if self._by_id.get(device.client_id) is device:
            del self._by_id[device.client_id]
            log.debug("device gone", client_id=device.client_id, why=session.detail)

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
        session = ServerSession(
            self._topics,
            self._authenticate,
            monotonic(),
            max_packet=self._max_packet,
            patience=CONNECT_TIMEOUT,
        )
        return Device(self, session)

    def _sweep(self) -> None:
        """End the connections whose time is over: no CONNECT, keep-alive, nothing read."""
        now = monotonic()
        for device in tuple(self._connections):
            if device.overdue(now):
                device.cut("the device does not read what it is sent")
            elif now >= device.session.deadline:
                device.session.tick(now)
                device.flush()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)


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
