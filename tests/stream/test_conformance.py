"""RFC 6455, frame by frame, over a real socket.

The numbers are those of the cases of Autobahn's suite; where it expects an echo, we answer.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.stream.served import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Peer,
    answer,
    closing,
    connected,
    dial,
    frame,
    request,
    serving,
)

from egizcore.engine import Engine
from egizcore.stream.connection import MAX_COMMAND

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = '{"action": "ping", "id": "µ@ßöä𝄞"}'
ASK = frame(TEXT, HELLO)
ANSWER = '{"event":"Pong","id":"µ@ßöä𝄞"}'.encode()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def engine() -> AsyncIterator[Engine]:
    async with serving() as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def peer(engine: Engine) -> AsyncIterator[Peer]:
    async with connected(engine.server.port) as one:
        yield one


async def test_compression_is_declined(engine: Engine) -> None:
    peer = await dial(engine.server.port)
    head = request(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
    _, headers, _ = await answer(peer, head)
    assert "sec-websocket-extensions" not in headers
    await peer.send(frame(TEXT, b"\xaa\x56\x2a", rsv=4))
    assert (await peer.end())[1] == 1002
    peer.writer.close()


# 1, 2, 5, 6: what is right ----------------------------------------------------------------------


@pytest.mark.parametrize("chop", [0, 997])
@pytest.mark.parametrize("length", [0, 125, 126, 127, 128, 65535, 65536])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_1_a_message_of_any_length_gets_one_answer(
    peer: Peer, opcode: int, length: int, chop: int
) -> None:
    await peer.send(frame(opcode, b"*" * length), chop)
    message = await peer.hear()
    assert (message["event"], message["code"]) == (
        "Error",
        "bad_json" if opcode == TEXT else "bad_command",
    )
    await peer.alive()


@pytest.mark.parametrize("chop", [0, 1])
@pytest.mark.parametrize("payload", [b"", b"Hello", bytes([0, 255, 254, 137]), b"\xfe" * 125])
async def test_2_a_ping_is_answered_with_its_payload(peer: Peer, payload: bytes, chop: int) -> None:
    await peer.send(frame(PONG, b"unasked") + frame(PING, payload), chop)
    assert await peer.frame() == (PONG, payload)


async def test_2_10_pings_are_answered_in_order(peer: Peer) -> None:
    await peer.send(b"".join(frame(PING, b"%d" % number) for number in range(10)), 1)
    assert [await peer.frame() for _ in range(10)] == [(PONG, b"%d" % one) for one in range(10)]


@pytest.mark.parametrize("chop", [0, 1])
async def test_5_a_message_in_fragments_gets_one_answer(peer: Peer, chop: int) -> None:
    text = HELLO.encode()
    for size in (1, 3, len(text) - 1):
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        sent = frame(TEXT, parts[0], fin=False)
        sent += b"".join(frame(CONT, one, fin=False) for one in parts[1:])
        await peer.send(sent + frame(CONT), chop)
        assert await peer.frame() == (TEXT, ANSWER)


async def test_5_control_frames_may_come_between_fragments(peer: Peer) -> None:
    text = HELLO.encode()
    await peer.send(
        frame(TEXT, text[:5], fin=False)
        + frame(PING, b"1")
        + frame(CONT, text[5:20], fin=False)
        + frame(PING, b"2")
        + frame(PONG)
        + frame(CONT, text[20:])
    )
    found = [await peer.frame() for _ in range(3)]
    assert found == [(PONG, b"1"), (PONG, b"2"), (TEXT, ANSWER)]


async def test_a_binary_message_in_fragments_gets_one_error(peer: Peer) -> None:
    await peer.send(
        frame(BINARY, b"\xff", fin=False) + frame(CONT, b"\xff", fin=False) + frame(CONT)
    )
    assert (await peer.hear())["code"] == "bad_command"
    await peer.alive()


async def test_9_a_message_of_many_fragments_up_to_the_limit(peer: Peer) -> None:
    sent = frame(TEXT, b"*", fin=False)
    sent += frame(CONT, b"*", fin=False) * (MAX_COMMAND - 2)
    await peer.send(sent + frame(CONT, b"*"))
    assert (await peer.hear())["code"] == "bad_json"
    await peer.alive()


# 2 to 7: what is wrong --------------------------------------------------------------------------

WRONG = {
    "2.5 a ping of 126 bytes": frame(PING, b"x" * 126),
    **{f"3 reserved bits {bits}": frame(TEXT, HELLO, rsv=bits) for bits in (1, 2, 3, 4, 7)},
    "3.7 a close frame with reserved bits": frame(CLOSE, rsv=7),
    **{f"4 opcode {opcode}": frame(opcode) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "5.1 a ping in fragments": frame(PING, b"a", fin=False) + frame(CONT, b"b"),
    "5.2 a pong in fragments": frame(PONG, b"a", fin=False) + frame(CONT, b"b"),
    "5.9 nothing to continue": frame(CONT, b"a") + ASK,
    "5.10 nothing to continue, with more to come": frame(CONT, b"a", fin=False) + ASK,
    "5.15 a message that has ended": frame(TEXT, b"{", fin=False)
    + frame(CONT, b"}")
    + frame(CONT, b"x"),
    "5.18 a message in a message": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "an unmasked frame": frame(TEXT, HELLO, masked=False),
    "an unmasked ping": frame(PING, masked=False),
    "7.3.2 a close frame of one byte": frame(CLOSE, b"a"),
    "7.3.6 a close frame of 126 bytes": closing(1000, b"x" * 124),
    "7.1.5 a close frame in a message": frame(TEXT, b"a", fin=False) + closing(1000),
    **{
        f"7.9 close code {code}": closing(code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG)
async def test_what_breaks_the_protocol_is_closed_with_1002(peer: Peer, sent: bytes) -> None:
    await peer.send(ASK + sent + ASK)
    frames, code = await peer.end()
    assert code == 1002
    assert frames[0] == (TEXT, ANSWER), "what was right before it is answered"
    assert len(frames) < 3, "and what came after it is not"


NO_TEXT = {
    "6.3.1": [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"],
    "6.4.1 in a later fragment": [b"\xce\xba", b"\xf4\x90\x80\x80", b"edited"],
    "6.6 cut short": [b"\xce\xba\xe1\xbd"],
    "6.6 cut short in fragments": [b"\xce", b""],
    "6.12 overlong": [b"\xc0\xaf"],
    "6.14 beyond Unicode": [b"\xf4\x90\x80\x80"],
    "6.16 a surrogate": [b"\xed\xa0\x80"],
    "6.20 a lone continuation": [b"\x80"],
    "6.21 impossible bytes": [b"\xfe\xff"],
}


@pytest.mark.parametrize("parts", NO_TEXT.values(), ids=NO_TEXT)
async def test_6_text_that_is_not_utf_8_is_closed_with_1007(peer: Peer, parts: list[bytes]) -> None:
    sent = b""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        sent += frame(TEXT if number == 0 else CONT, part, fin=last)
    await peer.send(ASK + sent + ASK)
    assert await peer.end() == ([(TEXT, ANSWER)], 1007)


async def test_6_4_it_is_closed_as_soon_as_it_is_known(peer: Peer) -> None:
    await peer.send(frame(TEXT, b"\xce\xba", fin=False) + frame(CONT, b"\xff", fin=False))
    assert await peer.end() == ([], 1007)


@pytest.mark.parametrize(
    "sent",
    [
        frame(TEXT, b"*" * (MAX_COMMAND + 1)),
        frame(BINARY, b"*" * 1_000_000),
        frame(TEXT, b"*" * 40_000, fin=False) + frame(CONT, b"*" * 30_000, fin=False),
        b"\x81\xff\x3f" + bytes(7) + bytes(4),
        b"\x81\xff\xff" + bytes(7) + bytes(4),
    ],
    ids=["65537 bytes", "a megabyte", "in fragments", "announced only", "the highest bit"],
)
async def test_9_a_message_over_the_limit_is_closed_with_1009(peer: Peer, sent: bytes) -> None:
    await peer.send(ASK)
    await peer.hear()
    await peer.send(sent)
    assert await peer.end() == ([], 1009)


# 7: the closing handshake -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
)
async def test_7_7_a_close_frame_is_answered_with_its_code(peer: Peer, code: int) -> None:
    await peer.send(closing(code, "so lang, µ"))
    assert await peer.end() == ([], code)


async def test_7_3_1_an_empty_close_frame_is_answered_with_an_empty_one(peer: Peer) -> None:
    await peer.send(frame(CLOSE))
    assert await peer.end() == ([], 0)


async def test_7_3_5_the_longest_reason(peer: Peer) -> None:
    await peer.send(closing(1000, b"x" * 123))
    assert await peer.end() == ([], 1000)


async def test_7_5_1_a_reason_that_is_not_utf_8(peer: Peer) -> None:
    await peer.send(closing(1000, b"\xed\xa0\x80"))
    assert await peer.end() == ([], 1007)


@pytest.mark.parametrize(
    "after", [closing(1000), frame(PING, b"x"), ASK], ids=["7.1.2", "7.1.3", "7.1.4"]
)
async def test_7_1_nothing_is_answered_after_a_close_frame(peer: Peer, after: bytes) -> None:
    await peer.send(ASK + closing(1000) + after)
    assert await peer.end() == ([(TEXT, ANSWER)], 1000)
