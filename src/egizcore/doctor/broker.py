"""Can each link reach its broker, is it let in, and may it read what the routes need?

The engine's own link asks, under a client id of its own, so that an engine that runs keeps its
connection, and without the shared group, so that it takes no message from it.
"""

import asyncio
from collections.abc import Sequence
from secrets import token_hex
from time import monotonic
from typing import Final

import msgspec

from egizcore.doctor.finding import Check, Finding
from egizcore.ingest import Routes
from egizcore.mqtt import Batch, Link, LinkSettings, Origin, Topics
from egizcore.settings import Settings

_PATIENCE: Final = 3.0  # seconds; a second more to let go is less than a check has
_LOOK_EVERY: Final = 0.02

_SILENT = "the address is right, and no firewall swallows what is sent there"
_MENDS: Final = (
    ("was refused: ", "Let this user read the topic: look at the broker's access rules."),
    ("connection refused", "Start the broker, or correct the port in {key}.url."),
    ("user name", "Correct {key}.username and {key}.password_file, or the broker's password file."),
    ("authorized", "Correct {key}.username and {key}.password_file, or the broker's access rules."),
    ("certificate", "Set {key}.tls.ca_file to the authority that signed the broker's certificate."),
    ("tls", "Use mqtts:// only where the broker speaks TLS; set {key}.tls to what it asks for."),
    ("name", "Correct the host in {key}.url, or ask why this machine cannot look it up."),
    ("no address", "Correct the host in {key}.url, or ask why this machine cannot look it up."),
    ("no ", f"Find out whether {_SILENT}."),
)


def links(settings: Settings) -> list[Check]:
    """One check for each link; with no link and no endpoint, a word on that."""
    chosen: dict[str, LinkSettings] = {"mqtt": settings.mqtt, **settings.mqtt.connections}
    filters = Routes(settings.mqtt.routes, settings.mqtt.devices).filters()
    found = [
        _check(name, link, filters, settings.limits.mqtt_packet)
        for name, link in chosen.items()
        if link.url is not None
    ]
    if not found and not settings.endpoint.enabled:
        nothing = Finding(
            "warn",
            "mqtt",
            "no broker and no device endpoint: nothing brings telemetry",
            "Set mqtt.url, or endpoint.enabled to true.",
        )
        found = [Check("mqtt", lambda: [nothing])]
    return found


def _check(name: str, link: LinkSettings, filters: Sequence[str], max_packet: int) -> Check:
    subject = name if name == "mqtt" else f"mqtt {name}"
    return Check(subject, lambda: [asyncio.run(_visit(name, subject, link, filters, max_packet))])


async def _visit(
    name: str, subject: str, settings: LinkSettings, filters: Sequence[str], max_packet: int
) -> Finding:
    visitor = msgspec.structs.replace(
        settings, client_id=f"egizcore-doctor-{token_hex(4)}", clean_start=True, share=None
    )
    link: Link[None] = await asyncio.to_thread(
        Link,
        name,
        visitor,
        filters,
        Topics(_nothing),
        _ignore,
        max_packet=max_packet,
        acknowledged=_acknowledged,
        dropped=_dropped,
        quiet=True,
    )
    begun = link.message
    life = asyncio.create_task(link.run(), name="link")
    end = monotonic() + _PATIENCE
    # What a link has to say it says to whoever looks; it has no event to wait for.
    while not link.connected and link.message == begun and monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY)
    connected, message = link.connected, link.message
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    key = "mqtt" if name == "mqtt" else f"mqtt.connections.{name}"
    where = settings.address().where
    if not connected and message == begun:
        message = f"{where}: no answer within {_PATIENCE:.0f} s"
    if message:
        what = message.removeprefix("connecting to ").partition("; next try")[0]
        return Finding("FAIL", subject, what, _mend(what, key))
    return Finding("ok", subject, f"{where} let us in and granted every subscription")


def _mend(what: str, key: str) -> str:
    text = what.lower()
    for word, mend in _MENDS:
        if word in text:
            return mend.format(key=key)
    return f"Correct {key}.url, or look into the broker's log."


def _nothing(topic: str) -> None:
    """What a topic means to a visitor."""


def _ignore(batch: Batch[None], origin: Origin) -> None:
    """What the broker sends meanwhile."""


def _acknowledged() -> None:
    """A visitor publishes nothing."""


def _dropped(count: int) -> None:
    """As above."""
