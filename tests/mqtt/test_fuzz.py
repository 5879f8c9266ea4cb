"""A fuzzer over the packet parser and both roles, from a corpus that keeps what it finds.

Each run of the suite tries some hundred streams; ``EGIZCORE_FUZZ=100000`` in the environment
goes on for as many as one likes.
"""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.mqtt.hosts import FakeHost, memory

from egizcore.mqtt import Batch, Topics
from egizcore.mqtt import packet as p
from egizcore.mqtt.client_session import ClientSession, greeting
from egizcore.mqtt.decode import decode, frame
from egizcore.mqtt.encode import encode
from egizcore.mqtt.reason import ProtocolError
from egizcore.mqtt.server_session import ServerSession
from egizcore.mqtt.session import Session

EXAMPLES = int(os.environ.get("EGIZCORE_FUZZ", "400"))
MAX_PACKET = 4096
CORPUS = [
    bytes.fromhex(line)
    for line in (Path(__file__).parent / "corpus.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
GREETINGS = {version: encode(p.Connect("d", version), version) for version in (p.V3, p.V5)}
ACCEPTANCES = {version: encode(p.ConnAck(), version) for version in (p.V3, p.V5)}


def server(version: int | None) -> Session[str]:
    """A device's session: before its CONNECT, or after one of *version*."""
    one: Session[str] = ServerSession(Topics(str), FakeHost(), 0.0, max_packet=MAX_PACKET)
    if version is not None:
        one.receive(GREETINGS[version], 0.0)
    return one


def client(version: int, *, accepted: bool) -> Session[str]:
    greets = greeting(version, "us", None, None, max_packet=MAX_PACKET)
    one: Session[str] = ClientSession(
        Topics(str), greets, ["#"], memory(), 0.0, max_packet=MAX_PACKET, qos=2
    )
    if accepted:
        one.receive(ACCEPTANCES[version], 0.0)
    return one


def sessions() -> list[Session[str]]:
    """Both roles in each of their states."""
    return [
        server(None),
        *(server(version) for version in (p.V3, p.V5)),
        *(client(version, accepted=yes) for version in (p.V3, p.V5) for yes in (False, True)),
    ]


def feed(one: Session[str], chunks: list[bytes]) -> tuple[Batch[str], bool, int, int]:
    """What a session makes of the chunks; what it holds and sends keeps its bounds."""
    batch: Batch[str] = []
    size = 0
    one.to_send()
    for chunk in chunks:
        batch += one.receive(chunk, 0.0)
        one.applied()
        size += len(chunk)
        assert one.held <= min(size, MAX_PACKET)
        sent = one.to_send()
        assert len(sent) <= 4 * len(chunk) + 200
    return batch, one.closed, one.reason, one.memory.received.count


def read_all(stream: bytes, version: int) -> None:
    """Whatever can be read can be written, and read again as the same."""
    at = 0
    while at < len(stream):
        body, stop = frame(stream, at, len(stream))
        if not 0 < stop <= len(stream):
            return
        packet = decode(stream[at], stream[body:stop], version)
        told = packet.version if isinstance(packet, p.Connect) else version
        again = encode(packet, told)
        start, end = frame(again, 0, len(again))
        assert end == len(again)
        assert decode(again[0], again[start:], told) == packet
        at = stop


def judge(stream: bytes, cuts: list[int]) -> None:
    for version in (p.V3, p.V5):
        try:
            read_all(stream, version)
        except ProtocolError as error:
            assert error.reason >= 0x80  # noqa: PT017  (any other error fails the test)
    marks = [0, *sorted({cut % (len(stream) + 1) for cut in cuts}), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(marks) if a < b]
    for whole, cut in zip(sessions(), sessions(), strict=True):
        assert feed(whole, [stream]) == feed(cut, chunks)


@pytest.mark.parametrize("stream", CORPUS, ids=lambda stream: stream.hex()[:24])
def test_every_find_is_read_the_same_whole_and_byte_by_byte(stream: bytes) -> None:
    judge(stream, list(range(len(stream))))


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Some lines of the corpus, mutated as fuzzers do."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(CORPUS), min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "set", "insert", "delete", "double", "cut"])):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if at < len(data):
                data[at] = draw(st.sampled_from((0, 1, 2, 0x7F, 0x80, 0xFF)))
            case "insert":
                data[at:at] = draw(st.binary(max_size=4))
            case "delete":
                del data[at : at + draw(st.integers(1, 4))]
            case "double":
                data[at:at] = data[at : at + draw(st.integers(1, 16))]
            case "cut":
                del data[at:]
            case _:
                pass
    return bytes(data)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(streams(), st.lists(st.integers(0, 1 << 16), max_size=6))
def test_no_stream_breaks_a_session_or_its_bounds(stream: bytes, cuts: list[int]) -> None:
    judge(stream, cuts)
