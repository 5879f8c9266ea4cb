"""At rest and at the REST API: start, memory, reads and queries."""

import json
import socket
import time
from statistics import median
from typing import Any, Final

from bench.scenario import DEVICES, Bench, Scenario, flood, warm
from bench.servers import PATIENCE, CountWrong, World
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

    def measure(one: World) -> None:
        bench.results.add("start", "until ready", "s", one.system.name, one.ready_after)

    bench.each("endpoint", measure, peers=True)


def memory(bench: Bench) -> None:
    """10,000 of the PRD's ovens, each of which has reported all of its features, twice or more."""

    def measure(one: World) -> None:
        one.create([oven(number) for number in range(OVENS)])
        limit = time.monotonic() + PATIENCE
        while one.version(OVENS - 1) < 2:  # a broker may not know of the subscription yet
            _report(one)
            time.sleep(0.5)
            if time.monotonic() > limit:
                raise CountWrong(f"{one.system.name}: nothing arrives")
        warm(one, OVENS, rounds=0)  # till all of it is applied
        applied = one.applied()
        _report(one)
        one.await_applied(applied + OVENS)
        name = one.system.name
        bench.results.add("10,000 PRD ovens, live", "RSS", "MB", name, one.process.rss())

    bench.each("nats", measure)


def _report(one: World) -> None:
    with socket.create_connection(("127.0.0.1", one.door)) as device:
        device.sendall(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x00\x00\x06report")
        device.recv(4)
        for number in range(OVENS):
            features = oven(number)["features"]
            payload = json.dumps({name: f["properties"] for name, f in features.items()})
            device.sendall(_packet(f"sensors/oven-{number:05}/telemetry", payload))
        device.shutdown(socket.SHUT_WR)
        device.recv(1)  # the broker has read all of it


def _packet(topic: str, payload: str) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic.encode() + payload.encode()
    return b"\x30" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


def read(bench: Bench) -> None:
    """GET one Thing, 16 connections."""

    def measure(one: World) -> None:
        warm(one)
        told = fetch(one.http_port, "/api/v1/things/factory:oven-00500")
        if told["failed"]:
            raise CountWrong(f"{one.system.name}: {told['failed']} answers were not 200")
        rate = told["count"] / told["seconds"]
        bench.results.add("GET one Thing", "answers", "/s", one.system.name, rate)
        bench.results.add("GET one Thing", "p99", "ms", one.system.name, told["p99"])

    bench.each("nats", measure)


def query(bench: Bench) -> None:
    """Type and one property term over 10,000 ovens, 50 results: idle, and while ingesting."""
    scenario = "query over 10,000 ovens"

    def measure(one: World) -> None:
        one.create([oven(number) for number in range(OVENS)])
        warm(one)
        half = flood(one, 300 * DEVICES).rate / 2
        idle = _median_query(one, 2)
        count, applied = round(half * 3 / DEVICES) * DEVICES, one.applied()
        load = Publisher(one.door, count, rate=half)
        time.sleep(0.5)
        busy = _median_query(one, 2)
        load.result()
        one.await_applied(applied + count)
        name = one.system.name
        bench.results.add(scenario, "p50 idle", "ms", name, idle)
        bench.results.add(scenario, "p50 at half of its flood", "ms", name, busy)

    bench.each("nats", measure)


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
