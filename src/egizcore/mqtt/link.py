"""A link to a broker, kept for ever (contract.md, section 4; FR-3.4).

MQTT 5 first; where the broker knows only 3.1.1, that. A connection that ends, or never comes to
be, is tried again with back-off, and everything is subscribed to anew.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from errno import ECONNRESET
from os import strerror
from random import Random
from secrets import token_hex
from time import monotonic
from typing import Final, Generic, TypeVar, final

import structlog

from egizcore.backoff import Backoff
from egizcore.mqtt.channel import Channel
from egizcore.mqtt.client_session import (
    ANSWER_TIMEOUT,
    KEEP_ALIVE,
    ClientSession,
    greeting,
)
from egizcore.mqtt.connection import Deliver, Origin
from egizcore.mqtt.lookup import look_up
from egizcore.mqtt.memory import Budget, Memory, Message, Outgoing, Tally
from egizcore.mqtt.packet import V3, V5
from egizcore.mqtt.reason import Reason
from egizcore.mqtt.session import Batch
from egizcore.mqtt.settings import LinkSettings, TlsSettings
from egizcore.mqtt.topic import Topics, outermost

T = TypeVar("T")

_FAREWELL: Final = 1.0  # seconds that the broker has to read our DISCONNECT
_WAITING_MESSAGES: Final = 1024  # publications that wait for the broker
_WAITING_BYTES: Final = 8 * 1024 * 1024
_ERRNO: Final = re.compile(r"\[Errno (\d+)\]")

log = structlog.get_logger("egizcore.mqtt")


@final
class Link(Generic[T]):
    """One broker connection, kept for ever by `run`.

    *deliver* is called synchronously with what one socket read contained, before its
    acknowledgements go out. *filters* are plain topic filters; one that another covers is left
    out, so that nothing arrives twice. For a reader at any time: *connected*, *reconnects*,
    *errors* (connections that broke the protocol), and *message*, one sentence on what is wrong,
    or empty. *acknowledged* and *dropped* tell what became of the publications of QoS 1.

    Building it reads the files of password and TLS, so that a missing one is found at start
    (raises `SettingsInvalid`): build it before the loop runs, or in a thread.
    """

    __slots__ = (
        "_address",
        "_backoff",
        "_channel",
        "_filters",
        "_max_packet",
        "_memory",
        "_old",
        "_quiet",
        "_reason",
        "_server_name",
        "_settings",
        "_topics",
        "_tls",
        "_trouble",
        "_up_at",
        "_version",
        "_was_up",
        "client_id",
        "connected",
        "deliver",
        "errors",
        "name",
        "reconnects",
    )

    def __init__(
        self,
        name: str,
        settings: LinkSettings,
        filters: Sequence[str],
        topics: Topics[T],
        deliver: Deliver[T],
        *,
        max_packet: int,
        acknowledged: Callable[[], None],
        dropped: Callable[[int], None],
        quiet: bool = False,
    ) -> None:
        self.name = name
        self._settings = settings
        self._address = settings.address()
        tls = settings.tls or TlsSettings()
        self._tls = tls.context() if self._address.secure else None
        self._server_name = tls.server_name or self._address.host if self._address.secure else None
        self._filters = outermost(filters)
        self._topics = topics
        self.deliver = deliver
        self._max_packet = max_packet
        self._quiet = quiet  # up and down are debug: one of a thousand, say
        self.client_id = settings.client_id or f"egizcore-{token_hex(4)}"
        self._backoff = Backoff(Random())  # noqa: S311  (spreads load, guards nothing)
        self._version = V5
        self._old = False  # the broker said that it does not know MQTT 5
        self._channel: Channel[T] | None = None
        self._was_up = False
        self._up_at = 0.0
        self._reason = ""  # of the last failure that was logged
        tally = Tally(acknowledged, dropped)
        self._memory = Memory(
            Outgoing(
                tally,
                Budget(_WAITING_BYTES),
                messages=_WAITING_MESSAGES,
                size=_WAITING_BYTES,
            )
        )
        self.connected = False
        self.reconnects = 0
        self.errors = 0
        self._trouble = f"connecting to {self._address.where}"

    @property
    def username(self) -> str | None:
        """The user name at the broker."""
        return self._address.username

    @property
    def message(self) -> str:
        """One sentence on what is wrong, or empty."""
        if self._channel is None or not self.connected:
            return self._trouble
        session = self._channel.session
        refused = [f"{name!r} was refused: {why}" for name, why in session.refused.items()]
        return "; ".join(filter(None, (*refused, session.remark)))

    def waiting(self) -> int:
        """Bytes that the broker sent and that are not applied."""
        return 0 if self._channel is None else self._channel.waiting()

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> bool:
        """Send a message, at once; False if there is no connection, or no room for it.

        *topic* is a legal name (`check_name`). A message of QoS 1 that the broker has not
        confirmed when the connection ends is sent again on the next one.
        """
        channel = self._channel
        if channel is None or channel.stalled or not channel.session.publish(topic, payload, qos):
            return False
        channel.flush()
        return True

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Queue a message of QoS 1; it waits for a connection, and for room in the window."""
        self._memory.outgoing.put(Message(topic, payload, retain))
        if self._channel is not None and not self._channel.stalled:
            self._channel.pump()
        return True

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say DISCONNECT and close."""
        while True:
            session, reason = await self._attempt()
            if session is None or not self._fall_back(session):
                wait = self._backoff.next()
                self._down(reason, wait)
                await asyncio.sleep(wait)

    async def _attempt(self) -> tuple[ClientSession[T] | None, str]:
        """One connection, from the dial to its end; gives its session, and why it ended."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                channel = await self._dial()
        except TimeoutError:
            return None, f"no connection within {ANSWER_TIMEOUT:.0f} s"
        except OSError as error:
            return None, _words(error)
        self._channel = channel
        try:
            await self._hold(channel)
        finally:
            self._channel = None
            if self.connected:
                self._backoff.held(monotonic() - self._up_at)
            self.connected = False
            await self._close(channel)
        return channel.session, channel.session.detail

    async def _dial(self) -> Channel[T]:
        """A connection to the first of the broker's addresses that takes one.

        The name is looked up apart: a look-up by the loop outlives its cancellation, and holds up
        the end of the process. Raises `OSError`.
        """
        host, port = self._address.host, self._address.port
        loop = asyncio.get_running_loop()
        failure = OSError(f"{host} has no address")
        places = await look_up(host, port)
        for place in places:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT / len(places)):  # one may be silent
                    _, channel = await loop.create_connection(
                        self._open,
                        place,
                        port,
                        ssl=self._tls,
                        server_hostname=self._server_name,
                    )
            except ssl.SSLError:
                raise  # it is there, and not whom we want
            except OSError as error:
                failure = error
            else:
                return channel
        raise failure

    def _fall_back(self, session: ClientSession[T]) -> bool:
        """Choose the version of the next attempt; True if it is to be made at once.

        A broker that says that it does not know MQTT 5 is believed for good. One that only hangs
        up, or answers with garbage, is asked in 3.1.1 once: it may have been about to restart.
        """
        unsupported = session.reason is Reason.UNSUPPORTED_PROTOCOL_VERSION
        self.errors += session.fault and not unsupported
        if self._version == V5:
            if not session.open and (unsupported or session.fault or session.lost):
                self._version = V3
                self._old = unsupported
                return True
        elif not self._old:
            self._version = V5
        return False

    def _open(self) -> Channel[T]:
        """The connection stands: greet."""
        address = self._address
        connect = greeting(
            self._version,
            self.client_id,
            address.username,
            address.password,
            max_packet=self._max_packet,
            keep_alive=KEEP_ALIVE,
            clean_start=self._settings.clean_start,
        )
        session = ClientSession(
            self._topics,
            connect,
            self._filters,
            self._memory,
            monotonic(),
            max_packet=self._max_packet,
            qos=self._settings.qos,
            share=self._settings.share,
            answer_timeout=ANSWER_TIMEOUT,
        )
        return Channel(self, session)

    async def _hold(self, channel: Channel[T]) -> None:
        """Keep a connection alive until it ends."""
        session = channel.session
        while not session.closed:
            channel.changed.clear()
            # Looked at after each clearing: the broker may have answered before the first.
            if session.settled:
                self._up(session)
            try:
                async with asyncio.timeout(max(0.0, session.deadline - monotonic())):
                    await channel.changed.wait()
            except TimeoutError:
                session.tick(monotonic())
                channel.flush()

    async def _close(self, channel: Channel[T]) -> None:
        """End a connection, however far it came."""
        channel.session.end(Reason.SUCCESS, "")
        channel.flush()
        try:
            async with asyncio.timeout(_FAREWELL):
                await channel.lost.wait()
        except TimeoutError:
            channel.cut(channel.session.detail)

    def _up(self, session: ClientSession[T]) -> None:
        if self.connected:
            return
        self.connected = True
        self._up_at = monotonic()
        self.reconnects += self._was_up
        self._was_up = True
        self._reason = ""
        version = "5" if session.version == V5 else "3.1.1"
        tell = log.debug if self._quiet else log.info
        tell("link up", link=self.name, broker=self._address.where, mqtt=version)
        if self.message:
            log.warning("link restricted", link=self.name, why=self.message)

    def _down(self, reason: str, wait: float) -> None:
        self._trouble = f"connecting to {self._address.where}: {reason}; next try in {wait:.1f} s"
        if reason != self._reason:  # one line for each change, none for each try
            self._reason = reason
            tell = log.debug if self._quiet else log.warning
            where = self._address.where
            tell("link down", link=self.name, broker=where, why=reason, next_try=f"{wait:.1f} s")


def publisher(name: str, settings: LinkSettings, *, max_packet: int) -> Link[None]:
    """A link that only sends: a simulated device, say, whose coming and going is debug."""
    topics: Topics[None] = Topics(_nothing)
    return Link(
        name,
        settings,
        (),
        topics,
        _ignore,
        max_packet=max_packet,
        acknowledged=_forget,
        dropped=_ignored,
        quiet=True,
    )


def _nothing(topic: str) -> None:
    """What a topic means to a link that subscribes to nothing."""


def _forget() -> None:
    """A simulated device does not mind what becomes of a reading."""


def _ignored(count: int) -> None:
    """Nor how many are lost."""


def _ignore(batch: Batch[None], origin: Origin) -> None:
    """What a broker sends unasked."""


def _words(error: OSError) -> str:
    """Why a dial failed, in the system's words and nothing else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}".lower().rstrip(".")
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason}".replace("_", " ").lower()
    found = _ERRNO.search(str(error))
    if found:
        return strerror(int(found[1])).lower()
    if isinstance(error, ConnectionResetError):
        return strerror(ECONNRESET).lower()
    return (error.strerror or str(error) or type(error).__name__).lower()
