"""The TLS front, with a real Caddy."""

import asyncio
import contextlib
import json
import os
import ssl
from pathlib import Path

import httpx
from tests.deploy.programs import DEPLOY, program, run, until
from tests.live.servers import Server, free_port
from tests.running import hear, running
from websockets.asyncio.client import connect

FILE = DEPLOY / "caddy" / "Caddyfile"
ALONE = "\tskip_install_trust\n\tadmin off\n\tauto_https disable_redirects\n"
"""Nothing but the site: no door for administration, no port 80."""


def test_caddy_takes_the_file(tmp_path: Path) -> None:
    told = run("caddy", "validate", "--adapter", "caddyfile", "--config", FILE, env=home(tmp_path))
    assert told.returncode == 0, told.stdout


def test_the_file_is_as_caddy_formats_it() -> None:
    told = run("caddy", "fmt", FILE)
    assert told.stdout == FILE.read_text()


def test_a_name_that_only_the_plant_knows_can_have_a_certificate(tmp_path: Path) -> None:
    text = FILE.read_text()
    assert text.count("\n\t#tls internal\n") == 1
    file = tmp_path / "Caddyfile"
    file.write_text(text.replace("#tls internal", "tls internal"))
    environment = home(tmp_path) | {"SITE": "egizcore.plant.example"}
    told = run("caddy", "adapt", "--adapter", "caddyfile", "--config", file, env=environment)
    assert told.returncode == 0, told.stdout
    assert '"module":"internal"' in told.stdout


def home(folder: Path) -> dict[str, str]:
    return os.environ | {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }


async def test_rest_and_websocket_pass_through_it_and_metrics_do_not(tmp_path: Path) -> None:
    program("caddy")
    port = free_port()
    site = f"localhost:{port}"
    file = tmp_path / "Caddyfile"
    text = FILE.read_text().replace("\tskip_install_trust\n", ALONE, 1)
    assert ALONE in text, "no change of this machine"
    await asyncio.to_thread(file.write_text, text)
    async with running() as engine:
        variables = [
            f"SITE={site}", f"UPSTREAM={engine.address}", f"HOME={tmp_path}",
            f"XDG_DATA_HOME={tmp_path}", f"XDG_CONFIG_HOME={tmp_path}",
        ]  # fmt: skip
        server = Server.of(
            "env", *variables, program("caddy"), "run", "--adapter", "caddyfile", "--config",
            str(file), port=port,
        )  # fmt: skip
        try:
            await server.start()
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            async with httpx.AsyncClient(base_url=f"https://{site}", verify=trusting) as http:

                async def certified() -> bool:
                    with contextlib.suppress(httpx.TransportError):
                        return (await http.get("/health")).is_success
                    return False

                await until(certified)
                health = await http.get("/health")
                assert health.json()["status"] == "ok"
                # It is of the host: Grafana at http://localhost:3000 would be gone for a year.
                assert "strict-transport-security" not in health.headers
                assert "server" not in health.headers
                for spelling in ("/metrics", "/%6detrics"):
                    assert (await http.get(spelling)).status_code == 403
                url = f"wss://{site}/api/v1/ws"
                async with connect(url, ssl=trusting, origin=f"https://{site}") as stream:  # type: ignore[arg-type]
                    await stream.send(json.dumps({"action": "subscribe", "filter": {}}))
                    assert (await hear(stream))["event"] == "Subscribed"
                    await http.post("/api/v1/things", json={"id": "a:b", "type": "oven"})
                    assert (await hear(stream))["event"] == "ThingCreated"
        finally:
            await server.kill()
