from hypothesis import given
from hypothesis import strategies as st
from tests.stream.plant import messages
from websockets.frames import Frame, Opcode

from egizcore.stream.frame import frame, text_frame
from egizcore.thing.event import StateChanged


@given(st.sampled_from([0, 1, 125, 126, 127, 65535, 65536, 70_000]))
def test_a_frame_is_what_websockets_would_send(length: int) -> None:
    payload = b"x" * length
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_an_event_is_framed_as_the_json_that_clients_receive() -> None:
    event = StateChanged("f:a", "p", {"n": None}, 2, "2026-01-27T10:30:00.000Z", 7)
    assert messages(frame(event)) == [
        {
            "event": "StateChanged",
            "thingId": "f:a",
            "feature": "p",
            "properties": {"n": None},
            "version": 2,
            "timestamp": "2026-01-27T10:30:00.000Z",
            "seq": 7,
        }
    ]
