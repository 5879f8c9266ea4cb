"""The programs on the first pages that cannot run here: what they say and hear is tried out."""

import json
import queue
import re
from collections.abc import Iterator
from typing import Any, final

import httpx
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from tests.docs.conftest import PATIENCE, Demo
from tests.docs.pages import ROOT, blocks, text_of
from websockets.sync.client import ClientConnection, connect

from egizcore import cli
from egizcore.thing.event import EVENTS

START = ROOT / "docs/start"


def listing(page: str, language: str) -> str:
    (found,) = [block.text for block in blocks(START / page) if block.language == language]
    return found


def members(text: str, name: str) -> set[tuple[str, ...]]:
    """``name["a"]["b"]`` in a program, as ``("a", "b")``."""
    found = re.findall(rf'\b{name}((?:\["\w+"\])+)', text)
    return {tuple(re.findall(r"\w+", one)) for one in found}


def at(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document[name]
    return document


@final
class Board:
    """A board as PubSubClient makes one: MQTT 3.1.1, a clean session, one subscription."""

    def __init__(self, demo: Demo, device: str, topic: str) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._ready: queue.Queue[int] = queue.Queue()
        self.client = Client(
            CallbackAPIVersion.VERSION2, device, protocol=MQTTProtocolVersion.MQTTv311
        )
        self.client.on_message = lambda _c, _d, one: self.heard.put((one.topic, bytes(one.payload)))
        self.client.on_subscribe = lambda _c, _d, _m, codes, _p: self._ready.put(codes[0].value)
        self.client.connect("127.0.0.1", demo.mqtt)
        self.client.loop_start()
        self.client.subscribe(topic, 1)
        assert self._ready.get(timeout=PATIENCE) == 1

    def publish(self, topic: str, payload: bytes) -> None:
        # The sketch uses QoS 0; with 1 it is known when the message has become state.
        self.client.publish(topic, payload, 1).wait_for_publish(PATIENCE)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_what_the_sketch_sends_is_a_thing_and_what_it_hears_is_the_command(demo: Demo) -> None:
    sketch = listing("controls-engineer.md", "cpp")
    (device,) = re.findall(r'DEVICE = "(.+?)"', sketch)
    telemetry, commands = (
        topic.replace("%s", device) for topic in re.findall(r'"(\w+/%s/\w+)"', sketch)
    )
    reported = members(sketch, "reading")
    assert ("thermal", "setpoint") in reported
    reading: dict[str, dict[str, float]] = {}
    for feature, name in reported:
        reading.setdefault(feature, {})[name] = 1234.5678
    payload = json.dumps(reading).encode()
    (room,) = re.findall(r"char payload\[(\d+)\]", sketch)
    assert len(payload) < int(room)

    board = Board(demo, device, commands)
    try:
        board.publish(telemetry, payload)
        thing = httpx.get(demo.adapt(f"http://localhost:8080/api/v1/things/factory:{device}"))
        kept = thing.raise_for_status().json()["features"]
        assert {name: kept[name]["properties"] for name in reading} == reading
        page = blocks(START / "controls-engineer.md")
        (wish,) = [block.text for block in page if "egizcore set " in block.text]
        done = demo.run("sh", "-e", "-c", demo.adapt(wish))
        assert done.returncode == 0, done.stderr
        topic, command = board.heard.get(timeout=PATIENCE)
    finally:
        board.leave()
    assert topic == commands
    (buffer,) = re.findall(r"setBufferSize\((\d+)\)", sketch)
    assert len(topic) + len(command) + 9 < int(buffer)  # 9: what MQTT itself needs, at most
    told = json.loads(command)
    assert told["feature"] == "thermal"
    assert at(told, ("desiredState", "setpoint")) == 55
    for path in members(sketch, "command"):
        assert at(told, path) is not None


@pytest.fixture
def plant(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.adapt("http://localhost:8080/api/v1/things")) as client:
        yield client


def everything(plant: httpx.Client) -> None:
    """All that can happen to a Thing."""
    oven = "/factory:oven-of-unity"
    plant.put(oven, json={"type": "oven"}).raise_for_status()
    change = {"properties": {"t": 1}, "desiredState": {"t": 2}}
    plant.put(f"{oven}/features/thermal", json=change).raise_for_status()
    plant.patch(oven, json={"metadata": {"name": "x"}}).raise_for_status()
    plant.delete(f"{oven}/features/thermal").raise_for_status()
    plant.delete(oven).raise_for_status()


def until_the_end(ws: ClientConnection) -> Iterator[dict[str, Any]]:
    while True:
        message = json.loads(ws.recv(timeout=PATIENCE))
        yield message
        if message["event"] == "ThingDeleted":
            return


def test_the_unity_script_handles_every_message_by_its_real_members(
    demo: Demo, plant: httpx.Client
) -> None:
    script = listing("unity-developer.md", "csharp")
    (subscribe,) = re.findall(r'@"(\{.*\})"', script)
    (address,) = re.findall(r'url = "(.+?)"', script)
    with connect(demo.adapt(address)) as ws:
        ws.send("no command")
        ws.send(subscribe.replace('""', '"'))
        told = {"Error": json.loads(ws.recv(timeout=PATIENCE))}
        assert json.loads(ws.recv(timeout=PATIENCE))["event"] == "Subscribed"
        everything(plant)
        for message in until_the_end(ws):
            told[message["event"]] = message
    known = {"Snapshot", "Error"} | {kind.__name__ for kind in EVENTS}
    assert set(told) == known
    assert set(re.findall(r'name == "(\w+)"', script)) == known | {"Connected"}

    names = {name for message in told.values() for name in message}
    used = {path[0] for path in members(script, "message")}
    assert used <= names | {"conflated"}
    beside = re.findall(r'name == "(\w+)"\)[^;]*message\["(\w+)"\]', script)
    assert len(beside) >= 4
    for event, member in beside:
        assert member in told[event], event
    whole = plant.get("/factory:oven-001").raise_for_status().json()
    assert {path[0] for path in members(script, "thing")} <= set(whole)
    assert set(re.findall(r'"(\w+)", message', script)) <= set(whole["features"]["thermal"])
    (zone,) = re.findall(r'FirstZone = "(.+?)\[0\]"', script)
    assert isinstance(at(whole, tuple(zone.split("."))), list)


def test_every_block_of_commands_on_the_first_pages_is_tried() -> None:
    elsewhere = ("egizcore demo --lan", "egizcore set factory:esp32-")  # tests/test_demo.py, above
    for page in START.glob("*.md"):
        for block in blocks(page):
            if block.language in ("sh", "python") and not block.mark:
                assert any(words in block.text for words in elsewhere), block.place


def test_every_command_that_the_first_pages_name_is_there() -> None:
    for page in START.glob("*.md"):
        named = re.findall(
            r"(?:^|[`/])egizcore ([a-z]+(?:-[a-z]+)?)\b", page.read_text(), re.MULTILINE
        )
        assert set(named) <= set(cli.COMMANDS), page


def test_the_readme_leads_to_a_page_for_each_role() -> None:
    for page in START.glob("*.md"):
        assert f"(docs/start/{page.name})" in text_of("README.md")
