"""``egizcore demo``: the engine with a simulated bakery, nothing else to install."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from functools import partial

import click
import msgspec

from egizcore import simulator
from egizcore.engine import Engine, run_loop, stop_signal, supervise
from egizcore.errors import StartupFailed
from egizcore.garbage import spare_collections
from egizcore.settings import Settings
from egizcore.thing import read_thing

TRIES = 50
"""Ports that are looked at after one that is taken."""


def demo(settings: Settings, *, chosen: frozenset[str], lan: bool) -> int:
    """Run until SIGINT or SIGTERM; the exit code. Prints where to look.

    A port that is taken and was not *chosen* gives way to the next free one.

    Raises:
        StartupFailed
    """
    settings = _with_free_ports(settings, chosen)

    async def life() -> None:
        stop = stop_signal()
        engine = Engine(settings, asyncio.get_running_loop())
        for document in simulator.masters():
            engine.registry.create(read_thing(document, versioned=False))
        bakery: list[asyncio.Task[None]] = []

        async def started() -> None:
            _tell(engine, lan=lan)
            broker = f"mqtt://127.0.0.1:{_endpoint_port(engine)}"
            life = supervise("bakery", partial(simulator.run, broker), lambda _: None)
            bakery.append(asyncio.create_task(life, name="bakery"))
            spare_collections(asyncio.get_running_loop().call_later)

        try:
            await engine.run(stop, started)
        finally:
            for task in bakery:
                task.cancel()
            await asyncio.gather(*bakery, return_exceptions=True)

    run_loop(life)
    return 0


def _endpoint_port(engine: Engine) -> int:
    if engine.endpoint is None:
        raise StartupFailed(
            "The demo's bakery needs the device endpoint.", hint="Leave endpoint.enabled alone."
        )
    return engine.endpoint.port


def _with_free_ports(settings: Settings, chosen: frozenset[str]) -> Settings:
    http, endpoint = settings.http, settings.endpoint
    if "http.port" not in chosen:
        http = msgspec.structs.replace(http, port=_free(http.host, http.port))
    if "endpoint.port" not in chosen:
        endpoint = msgspec.structs.replace(endpoint, port=_free(endpoint.host, endpoint.port))
    return msgspec.structs.replace(settings, http=http, endpoint=endpoint)


def _free(host: str, port: int) -> int:
    """The first port from *port* on that nobody listens on."""
    for candidate in range(port, min(port + TRIES, 65536)):
        try:
            with socket.create_server((host, candidate)):
                pass
        except OSError:
            continue
        if candidate != port:
            _say(f"Port {port} is taken, so this takes {candidate}.")
        return candidate
    return port  # then the start tells what is wrong


def _tell(engine: Engine, *, lan: bool) -> None:
    http = engine.server.port
    _say("")
    _say(click.style("EgizCore is running, with a simulated bakery.", bold=True))
    for name, url in _places(engine, "127.0.0.1").items():
        _say(f"  {name:<10} {url}")
    if lan:
        address = _lan_address()
        _say(
            click.style(
                "Every machine of this network can read and write. No password.",
                fg="red",
                bold=True,
            )
        )
        _say(f"  {'From there':<10} http://{address}:{http}/")
        _say(f"  {'ESP32':<10} MQTT host {address}, port {_endpoint_port(engine)}")
    _say("Stop with Ctrl+C.")


def _places(engine: Engine, host: str) -> Mapping[str, str]:
    http = engine.server.port
    return {
        "Console": f"http://{host}:{http}/",
        "REST": f"http://{host}:{http}/api/v1/things",
        "API docs": f"http://{host}:{http}/docs",
        "WebSocket": f"ws://{host}:{http}/api/v1/ws",
        "MQTT": f"mqtt://{host}:{_endpoint_port(engine)}   topic sensors/<device>/telemetry",
    }


def _lan_address() -> str:
    """This machine's address on the network that its default route is on; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: nobody's address
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _say(line: str) -> None:
    click.echo(line, file=sys.stderr)
