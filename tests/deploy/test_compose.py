"""compose.yaml: its form, and what each service owes to the others and to the machine."""

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.deploy.programs import DEPLOY, document

from egizcore.errors import SettingsInvalid
from egizcore.settings import Settings, load

COMPOSE: dict[str, Any] = document("compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
QUIET = {"simulator", "telegraf"}
"""They listen on nothing, so nobody could ask them how they are."""

each_service = pytest.mark.parametrize("name", SERVICES)


def variables() -> dict[str, str]:
    """What .env.example sets."""
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    given = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in given}


def interpolated(text: str, given: dict[str, str]) -> str:
    """As Compose does it: ``${NAME:-default}``, and ``$$`` for a dollar."""
    named = r"\$\{(\w+):-([^}]*)\}"
    return re.sub(named, lambda one: given.get(one[1]) or one[2], text).replace("$$", "$")


def environment(given: dict[str, str]) -> dict[str, str]:
    return {
        name: interpolated(value, given)
        for name, value in SERVICES["egizcore"]["environment"].items()
    }


def test_it_has_the_form_of_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "schema" / "compose.json").read_text())
    younger = {"name"}  # than this schema
    known = {key: value for key, value in COMPOSE.items() if key not in younger}
    errors = jsonschema_rs.validator_for(schema).iter_errors(known)
    assert [f"{error.instance_path}: {error.message}" for error in errors] == []


def test_the_whole_picture_is_there() -> None:
    by_default = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert by_default == {
        "egizcore", "mosquitto", "influxdb", "telegraf", "prometheus", "grafana",
    }  # fmt: skip
    assert SERVICES["simulator"]["profiles"] == ["simulator"]
    assert SERVICES["caddy"]["profiles"] == ["tls"]


@each_service
def test_each_service_has_a_limit_of_memory_and_processes(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[MG]", service["deploy"]["resources"]["limits"]["memory"])
    assert service["pids_limit"] <= 512


def test_egizcore_has_the_memory_of_the_prd() -> None:
    assert SERVICES["egizcore"]["deploy"]["resources"]["limits"]["memory"] == "512M"  # NFR-5


@each_service
def test_each_service_has_no_right_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "devices"} & service.keys()
    mounts = [one for one in service.get("volumes", ()) if one.startswith(".")]
    assert all(one.endswith(":ro") for one in mounts)


@each_service
def test_ports_are_published_on_loopback_unless_told_otherwise(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert interpolated(port, {}).startswith("127.0.0.1:")
        assert interpolated(port, variables()) == interpolated(port, {})


@each_service
def test_each_service_that_can_be_asked_says_how_it_is(name: str) -> None:
    health = SERVICES[name].get("healthcheck", {})
    if name in QUIET:
        assert health == {"disable": True}
    elif name == "egizcore":
        assert not health  # the image's own
    else:
        assert health["test"][0] == "CMD"


@each_service
def test_a_service_waits_for_those_that_it_needs(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert needed not in QUIET
    text = json.dumps(SERVICES[name].get("environment", {}))
    needed = {other for other in ("mosquitto", "influxdb") if f"//{other}:" in text}
    assert needed <= SERVICES[name].get("depends_on", {}).keys()


@each_service
def test_each_image_is_one_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "egizcore" or re.fullmatch(r"[a-z/-]+:v?\d+\.[\d.]+", image)


@each_service
def test_what_a_service_mounts_is_in_the_repository(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source = volume.partition(":")[0]
        there = DEPLOY / source if source.startswith(".") else None
        assert there.exists() if there else source in COMPOSE["volumes"]


@each_service
def test_secrets_are_files_and_nothing_else_holds_one(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
    for key, value in service.get("environment", {}).items():
        if re.search("PASSWORD|TOKEN|SECRET", key):
            assert str(value).startswith("/run/secrets/"), key
            assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_every_variable_of_egizcore_is_a_real_setting() -> None:
    for given in ({}, variables()):
        settings = load(environ=environment(given) | image_environment()).settings
        assert settings.mqtt.url == "mqtt://mosquitto:1883"
        # What comes during a restart waits in the broker, as mosquitto.conf says.
        assert settings.mqtt.client_id
        assert not settings.mqtt.clean_start
        assert settings.history.backend == "influxdb"
        assert settings.influxdb.bucket == "telemetry"
        assert settings.http.allowed_origins == Settings().http.allowed_origins


def image_environment() -> dict[str, str]:
    text = (DEPLOY / "Dockerfile").read_text()
    return dict(re.findall(r"(EGIZCORE_\w+__\w+)=(\S+)", text.partition("ENV PATH")[2]))


def test_the_image_alone_lets_nobody_in_who_was_not_expected() -> None:
    given = image_environment()
    assert given["EGIZCORE_HTTP__HOST"] == "0.0.0.0"
    with pytest.raises(SettingsInvalid, match="lets other machines in"):
        load(environ=given)


def test_the_example_names_every_variable_and_its_default() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    assert dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text)) == variables()


def test_telegraf_may_lock_the_memory_that_holds_its_secrets() -> None:
    assert SERVICES["telegraf"]["ulimits"]["memlock"] >= 1 << 20


def test_telegraf_has_every_variable_and_secret_that_its_file_names() -> None:
    text = "\n".join(
        line
        for line in (DEPLOY / "telegraf" / "telegraf.conf").read_text().splitlines()
        if not line.lstrip().startswith("#")
    )
    assert set(re.findall(r"\$\{(\w+)\}", text)) == SERVICES["telegraf"]["environment"].keys()
    secrets = set(re.findall(r"@\{\w+:(\w+)\}", text))
    assert secrets == set(SERVICES["telegraf"]["secrets"])


def test_secrets_are_made_once_and_only_their_owner_finds_them(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_text((DEPLOY / "secrets.sh").read_text())
    made = []
    for _ in range(2):
        subprocess.run(["sh", script], check=True, capture_output=True, cwd="/")
        folder = tmp_path / "secrets"
        made.append({one.name: one.read_text() for one in folder.iterdir()})
    assert made[0] == made[1]
    assert made[0].keys() == COMPOSE["secrets"].keys()
    assert len(set(made[0].values())) == len(made[0])
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in made[0].values())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o644}
