"""Our link over TLS, against a scripted broker with a certificate of our own authority."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.mqtt.certificates import Authority, Pair
from tests.mqtt.peers import Inbox, Peer, accept, broker, until
from tests.mqtt.test_link import hold, running

from egizcore.mqtt import Link, LinkSettings, TlsSettings, Topics
from egizcore.mqtt import packet as p


async def talk(peer: Peer, _: int) -> None:
    await accept(peer)
    peer.send(p.Publish("a/b", b"x" * 100_000, 1, id=1))
    assert isinstance(await peer.read(), p.PubAck)
    await hold(peer)


@asynccontextmanager
async def secured(authority: Authority, pair: Pair, *, both: bool = False) -> AsyncIterator[int]:
    """The broker's port; with *both*, it asks for a certificate of ours."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert, pair.key)
    if both:
        context.load_verify_locations(authority.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    async with broker(talk, context) as port:
        yield port


def linked(port: int, inbox: Inbox, **tls: str) -> Link[str]:
    settings = LinkSettings(url=f"mqtts://127.0.0.1:{port}", tls=TlsSettings(**tls))
    return Link(
        "plant",
        settings,
        ("a/#",),
        Topics(str),
        inbox,
        max_packet=1 << 20,
        acknowledged=lambda: None,
        dropped=lambda _: None,
    )


async def test_a_broker_with_a_certificate_of_our_authority_is_talked_to(
    authority: Authority,
) -> None:
    inbox = Inbox()
    pair = authority.issue("broker", also="127.0.0.1")
    async with (
        secured(authority, pair) as port,
        running(linked(port, inbox, ca_file=authority.ca)) as link,
    ):
        await inbox.until(1)
        await until(lambda: link.connected)
        assert link.waiting() == 0
    assert inbox.payloads == [b"x" * 100_000]


async def test_the_name_in_the_certificate_may_be_set(authority: Authority) -> None:
    inbox = Inbox()
    async with secured(authority, authority.issue("broker.plant")) as port:
        told = {"ca_file": authority.ca, "server_name": "broker.plant"}
        async with running(linked(port, inbox, **told)):
            await inbox.until(1)


async def test_our_own_certificate_is_shown_to_a_broker_that_asks(authority: Authority) -> None:
    inbox = Inbox()
    ours = authority.issue("egizcore")
    theirs = authority.issue("broker", also="127.0.0.1")
    async with secured(authority, theirs, both=True) as port:
        files = {"ca_file": authority.ca, "cert_file": ours.cert, "key_file": ours.key}
        async with running(linked(port, inbox, **files)):
            await inbox.until(1)


@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_certificate_that_is_not_right_is_told_and_tried_again(
    authority: Authority, wrong: str
) -> None:
    pair = authority.issue("elsewhere", also="127.0.0.1" if wrong == "authority" else None)
    told = {} if wrong == "authority" else {"ca_file": authority.ca}
    async with (
        secured(authority, pair) as port,
        running(linked(port, Inbox(), **told)) as link,
    ):
        await until(lambda: "certificate verify failed" in link.message)
        assert not {"\n", "_ssl.c"} & set(link.message.split())
        assert not link.connected


async def test_a_broker_without_tls_is_told_and_tried_again(authority: Authority) -> None:
    async with (
        broker(talk) as port,
        running(linked(port, Inbox(), ca_file=authority.ca)) as link,
    ):
        await until(lambda: "next try" in link.message)
