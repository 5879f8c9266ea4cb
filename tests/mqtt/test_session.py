"""What both roles share: the reader, under every cut and every mutation."""

import tracemalloc
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from tests.mqtt import samples
from tests.mqtt.hosts import FakeHost, memory

from egizcore.mqtt import Batch
from egizcore.mqtt import packet as p
from egizcore.mqtt.client_session import ClientSession, greeting
from egizcore.mqtt.encode import encode
from egizcore.mqtt.properties import Properties
from egizcore.mqtt.server_session import ServerSession
from egizcore.mqtt.session import Session
from egizcore.mqtt.topic import Topics

MAX_PACKET = 1 << 20
versions = st.sampled_from((p.V3, p.V5))


def server() -> ServerSession[str]:
    return ServerSession(Topics(str), FakeHost(), 0.0, max_packet=MAX_PACKET)


def client(version: int) -> ClientSession[str]:
    connect = greeting(version, "us", None, None, max_packet=MAX_PACKET)
    return ClientSession(Topics(str), connect, ["#"], memory(), 0.0, max_packet=MAX_PACKET)


def opened(version: int) -> ServerSession[str]:
    one = server()
    one.receive(encode(p.Connect("d", version), version), 0.0)
    one.to_send()
    return one


def accepted(version: int) -> ClientSession[str]:
    one = client(version)
    one.receive(encode(p.ConnAck(), version), 0.0)
    one.to_send()
    return one


class Stream(NamedTuple):
    """What a peer that keeps to the standard sends, and what must come of it."""

    version: int
    data: bytes
    batch: Batch[str]  # to a link, which hears of RETAIN
    answers: list[p.Packet]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    version = draw(versions)
    packets: list[p.Packet] = []
    batch: Batch[str] = []
    answers: list[p.Packet] = []
    for number in range(1, draw(st.integers(1, 8))):
        topic = draw(samples.names)
        payload = draw(st.one_of(samples.payloads, st.binary(min_size=110, max_size=140)))
        qos, retain = draw(st.integers(0, 2)), draw(st.booleans())
        noted = version == p.V5 and draw(st.booleans())
        properties = Properties(user_property=(("k", "v"),)) if noted else Properties()
        times = draw(st.integers(1, 2)) if qos else 1
        for dup in range(times):
            packets.append(
                p.Publish(topic, payload, qos, retain, bool(dup), number * bool(qos), properties)
            )
            if qos:
                answers.append((p.PubAck, p.PubRec)[qos - 1](number))
        batch += [(topic, payload, retain)] * (times if qos == 1 else 1)
        if qos == 2 and draw(st.booleans()):
            packets.append(p.PubRel(number))
            answers.append(p.PubComp(number))
    return Stream(version, b"".join(encode(one, version) for one in packets), batch, answers)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


def check(one: Session[str], stream: Stream, chunks: list[bytes], *, retained: bool) -> None:
    """Messages in order, and the answers of each kind in theirs (4.6)."""
    batch: Batch[str] = []
    answers: list[p.Packet] = []
    for chunk in chunks:
        batch += one.receive(chunk, 0.0)
        one.applied()
        answers += samples.read(one.to_send(), stream.version)
    assert not one.closed, one.detail
    assert batch == [(topic, data, kept and retained) for topic, data, kept in stream.batch]
    for kind in (p.PubAck, p.PubRec, p.PubComp):
        ours, theirs = (
            [each for each in some if isinstance(each, kind)] for some in (answers, stream.answers)
        )
        assert ours == theirs
    assert len(answers) == len(stream.answers)
    assert one.held == 0


@given(streams(), st.lists(st.integers(0, 2000), max_size=12))
def test_any_chunking_gives_the_same_messages_and_answers_in_both_roles(
    stream: Stream, cuts: list[int]
) -> None:
    chunks = pieces(stream.data, cuts)
    check(opened(stream.version), stream, chunks, retained=False)
    check(accepted(stream.version), stream, chunks, retained=True)


@given(streams())
def test_byte_by_byte_is_the_same_too(stream: Stream) -> None:
    chunks = [bytes((byte,)) for byte in stream.data]
    check(opened(stream.version), stream, chunks, retained=False)
    check(accepted(stream.version), stream, chunks, retained=True)


@given(streams(), st.integers(0, 4000))
def test_a_cut_at_any_byte_gives_the_whole_messages_before_it(stream: Stream, at: int) -> None:
    one = opened(stream.version)
    batch = one.receive(stream.data[: at % (len(stream.data) + 1)], 0.0)
    assert not one.closed
    assert batch == [(topic, data, False) for topic, data, _ in stream.batch[: len(batch)]]


@given(st.data(), versions, st.lists(st.integers(0, 4000), max_size=5))
def test_no_bytes_make_a_server_session_raise(
    data: st.DataObject, version: int, cuts: list[int]
) -> None:
    some = data.draw(st.lists(samples.packets(version), max_size=4))
    raw = bytearray(b"".join(encode(one, version) for one in some))
    for _ in range(data.draw(st.integers(0, 3))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    survives(opened(version) if data.draw(st.booleans()) else server(), bytes(raw), cuts)


@given(st.data(), versions, st.lists(st.integers(0, 4000), max_size=5))
def test_no_bytes_make_a_client_session_raise(
    data: st.DataObject, version: int, cuts: list[int]
) -> None:
    one = client(version)
    one.to_send()
    if data.draw(st.booleans()):
        one.receive(encode(p.ConnAck(), version), 0.0)
    some = data.draw(st.lists(samples.packets(version), max_size=4))
    raw = b"".join(encode(each, version) for each in some) + data.draw(st.binary(max_size=30))
    survives(one, raw, cuts)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5), versions)
def test_pure_noise_never_raises(noise: bytes, cuts: list[int], version: int) -> None:
    survives(server(), noise, cuts)
    survives(opened(version), noise, cuts)


def survives(one: Session[str], raw: bytes, cuts: list[int]) -> None:
    """Feed it; whatever it answers is made of whole packets, and it stops when it has ended."""
    for piece in pieces(raw, cuts):
        ended = one.closed
        batch = one.receive(piece, 0.0)
        one.applied()
        answer = one.to_send()
        assert not (ended and (batch or answer))
        if answer:
            samples.read(answer, one.version)
        assert one.held <= len(raw)
    if one.fault:
        assert one.detail


def test_a_large_packet_in_small_pieces_costs_its_size_not_its_square() -> None:
    one = opened(p.V3)
    data = encode(p.Publish("t", bytes(1_000_000)), p.V3)
    assert one.receive(data[:100], 0.0) == []
    kept = one._held
    for at in range(100, 1_000_000, 100):
        assert one.receive(data[at : at + 100], 0.0) == []
        assert one._held is kept, "the buffer was copied"
    ((_, payload, _),) = one.receive(data[1_000_000:], 0.0)
    assert len(payload) == 1_000_000


def test_nothing_is_reserved_for_an_announced_length() -> None:
    sessions = [opened(p.V3) for _ in range(50)]
    tracemalloc.start()
    try:
        for one in sessions:
            one.receive(b"\x30\x80\x80\x3f" + b"\0\x01t", 0.0)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(one.held == 7 for one in sessions)
    assert used < 100_000


def test_the_same_topic_gives_the_same_target() -> None:
    made: list[object] = []

    def resolve(_: str) -> object:
        made.append(object())
        return made[-1]

    one = ServerSession(Topics(resolve), FakeHost(), 0.0, max_packet=MAX_PACKET)
    data = encode(p.Connect("d", p.V3), p.V3) + encode(p.Publish("t", b""), p.V3) * 3
    assert [target for target, _, _ in one.receive(data, 0.0)] == made * 3
    assert len(made) == 1
