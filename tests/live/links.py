"""Our links to a real broker, as the live tests want them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.live.servers import Server
from tests.mqtt.peers import Inbox

from egizcore.mqtt import Link, LinkSettings, Topics, publisher

MAX_PACKET = 1 << 20


@asynccontextmanager
async def running(*links: Link[Any]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(link.run(), name=link.name) for link in links]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def linked(server: Server, inbox: Inbox, *filters: str, **settings: Any) -> Link[str]:
    return Link(
        "mqtt",
        LinkSettings(url=f"mqtt://127.0.0.1:{server.port}", **settings),
        filters or ("sensors/#",),
        Topics(str),
        inbox,
        max_packet=MAX_PACKET,
        acknowledged=lambda: None,
        dropped=lambda _: None,
    )


def sender(server: Server, **settings: Any) -> Link[None]:
    url = LinkSettings(url=f"mqtt://127.0.0.1:{server.port}", **settings)
    return publisher("sender", url, max_packet=MAX_PACKET)


async def publish_all(source: Link[None], count: int) -> None:
    """The numbers from 0 on as QoS 1, waiting where the broker's Receive Maximum says so."""
    for number in range(count):
        while not source.publish("sensors/a", b"%d" % number, 1):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
