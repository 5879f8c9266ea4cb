"""The field's devices are served, however their bytes come in."""

import pytest
from tests.mqtt.field import RECORDINGS, Recording
from tests.mqtt.stage import Actor, Stage, stage

__all__ = ["stage"]
EACH = pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS)


def answers(actor: Actor) -> bytes:
    data, actor.wire.written = actor.wire.written, b""
    return data


@EACH
@pytest.mark.parametrize("size", [1, 2, 5, 10_000])
def test_each_step_has_its_answer_and_each_message_arrives(
    stage: Stage, recording: Recording, size: int
) -> None:
    actor = stage.dial()
    for step in recording.steps:
        for at in range(0, len(step.sent), size):
            actor.raw(step.sent[at : at + size])
        assert answers(actor) == step.answer
    assert actor.ended is recording.goodbye
    actor.lose()
    assert tuple(stage.heard) == recording.delivered
    stage.pass_time(3600)
    assert (stage.endpoint.errors, stage.endpoint.devices, stage.endpoint.away) == (0, 0, 0)


@EACH
def test_all_of_them_at_once_do_not_disturb_each_other(stage: Stage, recording: Recording) -> None:
    others = [stage.dial() for _ in RECORDINGS]
    for other, one in zip(others, RECORDINGS.values(), strict=True):
        if one is not recording:
            other.raw(one.steps[0].sent)
    actor = stage.dial()
    for step in recording.steps:
        actor.raw(step.sent)
        assert answers(actor) == step.answer
