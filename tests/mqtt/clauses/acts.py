"""What several scripts of MQTT 5 begin or end with."""

from typing import Any

from tests.mqtt.stage import Actor, Stage

from egizcore.mqtt import packet as p
from egizcore.mqtt.properties import Properties

COMMANDS = "devices/dev/desired"
HOUR = Properties(session_expiry_interval=3600)
WILL = p.Will("status/dev", b"gone", 1)


def will_after(seconds: int) -> p.Will:
    return p.Will("status/dev", b"gone", properties=Properties(will_delay_interval=seconds))


def farewell(actor: Actor) -> int:
    """The reason of the DISCONNECT that ends the connection."""
    assert actor.ended
    (last,) = actor.read()
    assert isinstance(last, p.Disconnect)
    assert last.properties.reason_string
    return last.reason


def refusal(actor: Actor, packet: p.Connect) -> int:
    """The reason of the CONNACK that refuses."""
    answer = actor.ask(packet)
    assert isinstance(answer, p.ConnAck)
    assert actor.ended
    assert not answer.session_present
    return answer.reason


def kept(stage: Stage, client_id: str = "dev", **said: Any) -> Actor:
    """A device with an hour's session and its commands subscribed."""
    actor = stage.device(client_id=client_id, clean_start=False, properties=HOUR, **said)
    actor.ask(p.Subscribe(1, (p.Subscription(f"devices/{client_id}/desired", 1),)))
    return actor
