"""At rest and at the REST API: start, memory, reads and queries."""

import json
import socket
import time
from statistics import median
from typing import Any, Final

from bench.scenario import DEVICES, Bench, Scenario, flood, warm
from bench.servers import CountWrong, World, world
from bench.tools import Publisher, fetch

OVENS: Final = 10_000
QUERY: Final = {
    "filter": {"type": "oven", "features.thermal.properties.setpoint": {"$gt": 150}},
    "limit": 50,
}


def oven(number: int) -> dict[str, Any]:
    """The PRD's example, with its own number."""
    return {
        "id": f"factory:oven-{number:05}",
        "type": "oven",
        "metadata": {
            "name": f"Main Oven #{number}",
            "location": f"line-{number % 26}",
            "manufacturer": "Egiz Industrial",
        },
        "features": {
            "electrical": {
                "properties": {
                    "voltage": {"a": 220.5, "b": 219.8, "c": 221.0},
                    "current": {"a": 15.2, "b": 14.8, "c": 15.5},
                    "power_factor": 0.92,
                }
            },
            "thermal": {
                "properties": {
                    "temperature_zones": [185.0, 190.0, 188.5],
                    "setpoint": float(140 + number % 60),
                }
            },
            "status": {"properties": {"operational_state": "running", "anomaly": False}},
            "business_context": {
                "properties": {
                    "current_batch": f"batch-{number}",
                    "recipe": "white-bread",
                    "operator_id": "operator-42",
                }
            },
        },
    }


def start(bench: Bench) -> None:
    """From the process's start until ``/health/ready`` says 200."""
    for _ in range(bench.runs):
        for system in bench.systems:
            began = time.perf_counter()
            with world(system, "endpoint"):
                took = time.perf_counter() - began
            bench.results.add("start", "until ready", "s", system.name, took)


def memory(bench: Bench) -> None:
    """10,000 of the PRD's ovens, each of which has reported all of its features twice."""
    with bench.each("nats") as worlds:
        for one in worlds:
            one.create([oven(number) for number in range(OVENS)])
            _report(one)
            name = one.system.name
            bench.results.add("10,000 PRD ovens, live", "RSS", "MB", name, one.process.rss())


def _report(one: World) -> None:
    while one.version(OVENS - 1) < 9:  # created, then four features twice
        with socket.create_connection(("127.0.0.1", one.door)) as device:
            device.sendall(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x00\x00\x06report")
            device.recv(4)
            for number in range(OVENS):
                features = oven(number)["features"]
                payload = json.dumps({name: f["properties"] for name, f in features.items()})
                device.sendall(_packet(f"sensors/oven-{number:05}/telemetry", payload))
            time.sleep(0.5)


def _packet(topic: str, payload: str) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic.encode() + payload.encode()
    return b"\x30" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


def read(bench: Bench) -> None:
    """GET one Thing, 16 connections."""
    with bench.each("nats") as worlds:
        for one in worlds:
            warm(one)
            told = fetch(one.http_port, "/api/v1/things/factory:oven-00500")
            if told["failed"]:
                raise CountWrong(f"{one.system.name}: {told['failed']} answers were not 200")
            rate = told["count"] / told["seconds"]
            bench.results.add("GET one Thing", "answers", "/s", one.system.name, rate)


def query(bench: Bench) -> None:
    """Type and one property term over 10,000 ovens, 50 results: idle, and while ingesting."""
    with bench.each("nats") as worlds:
        for one in worlds:
            one.create([oven(number) for number in range(OVENS)])
            warm(one)
            half = flood(one, 300 * DEVICES).rate / 2
            idle = _median_query(one, 2)
            load = Publisher(one.door, round(half * 3 / DEVICES) * DEVICES, rate=half)
            time.sleep(0.5)
            busy = _median_query(one, 2)
            load.result()
            name = one.system.name
            bench.results.add("query over 10,000 ovens", "p50 idle", "ms", name, idle)
            bench.results.add(
                "query over 10,000 ovens", "p50 at half of its flood", "ms", name, busy
            )


def _median_query(one: World, seconds: float) -> float:
    took: list[float] = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        status, text = one.ask("POST", "/api/v1/query", QUERY)
        took.append(time.perf_counter() - began)
        if status != 200 or len(json.loads(text)["items"]) != 50:
            raise CountWrong(f"{one.system.name}: the query found something else")
    return median(took) * 1e3


SCENARIOS: Final[dict[str, Scenario]] = {
    "start": start,
    "memory": memory,
    "read": read,
    "query": query,
}
