"""The image: the rules of hadolint that matter, and its build, done without a container engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.deploy.dockerfile import read
from tests.deploy.programs import DEPLOY, ROOT, document

from egizcore import __version__

INSTRUCTIONS = read(DEPLOY / "Dockerfile")
LAST = max(one.stage for one in INSTRUCTIONS)


def texts(word: str, stage: int | None = None) -> list[str]:
    return [one.text for one in INSTRUCTIONS if one.word == word and stage in (None, one.stage)]


def test_each_stage_begins_with_a_slim_image_of_a_named_version() -> None:
    images = [text.split()[0] for text in texts("FROM")]
    assert images == ["python:3.11-slim-bookworm"] * 2


def test_the_image_holds_nothing_of_the_builder_but_what_was_installed() -> None:
    assert texts("COPY", LAST) == ["--from=builder /opt/egizcore /opt/egizcore"]


def test_files_come_by_copy_never_by_add() -> None:
    assert not texts("ADD")


def test_it_is_built_with_the_names_by_which_the_others_call_it() -> None:
    deployment = document("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    called = {
        document("compose.yaml")["services"]["egizcore"]["image"],
        deployment["containers"][0]["image"],
    }
    assert called == {"egizcore", f"egizcore:{__version__}"}
    build = re.compile(r"docker build -f deploy/Dockerfile(?: -t \S+)+ \.")
    for file in (DEPLOY / "Dockerfile", ROOT / "docs" / "operations.md"):
        (command,) = build.findall(file.read_text())
        assert set(re.findall(r"-t (\S+)", command)) == called


def test_what_runs_is_a_user_with_a_number_and_no_rights() -> None:
    user, group = texts("USER", LAST)[-1].split(":")
    assert int(user) >= 10_000
    assert int(group) >= 10_000
    assert any(f"--uid {user}" in text and "nologin" in text for text in texts("RUN", LAST))


def test_what_runs_is_no_shell() -> None:
    for word in ("ENTRYPOINT", "CMD"):
        (text,) = texts(word)
        assert isinstance(json.loads(text), list)
    (health,) = texts("HEALTHCHECK")
    assert json.loads(health.partition("CMD ")[2]) == ["egizcore", "doctor", "--quick"]


def test_it_is_stopped_by_the_signal_that_the_engine_ends_cleanly_on() -> None:
    assert texts("STOPSIGNAL") == ["SIGTERM"]


def test_only_data_is_written_and_history_lies_there() -> None:
    assert texts("VOLUME") == texts("WORKDIR", LAST) == ["/data"]
    assert "PYTHONDONTWRITEBYTECODE=1" in texts("ENV", LAST)[0]


def test_debian_packages_bring_no_others_and_leave_no_lists() -> None:
    for text in texts("RUN"):
        if "apt-get" in text:
            assert "apt-get update && apt-get install -y --no-install-recommends" in text
            assert text.endswith("rm -rf /var/lib/apt/lists/*")


def test_whatever_is_installed_from_outside_has_a_hash() -> None:
    installs = [part for text in texts("RUN") for part in text.split("&&") if "pip install" in part]
    assert len(installs) == 4
    for install in installs:
        files = re.findall(r"(?:-r|--constraint) (\S+)", install)
        assert files
        assert "--require-hashes" in install or "--constraint" in install
        for file in files:
            assert "--hash=sha256:" in (ROOT / file).read_text()


def test_no_instruction_hides_a_failure_behind_a_pipe() -> None:
    assert not any("|" in text.replace("||", "") for text in texts("RUN"))


def test_each_run_is_a_script_that_a_shell_can_read() -> None:
    for text in texts("RUN"):
        subprocess.run(["sh", "-n", "-c", text], check=True)


def test_the_ports_are_those_of_the_settings() -> None:
    assert texts("EXPOSE") == ["8080 1883"]


def test_every_extra_is_in_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (installed,) = re.findall(r"egizcore\[([a-z,]+)\] @", " ".join(texts("RUN")))
    assert set(installed.split(",")) == set(project["optional-dependencies"])


def test_what_is_built_from_is_all_that_is_sent_to_the_engine() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {source for text in texts("COPY", 0) for source in text.split()[:-1]}
    assert "*" in lines
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.timeout(120)
def test_the_builders_steps_make_an_egizcore_that_runs(tmp_path: Path) -> None:
    """Its RUN and COPY, with the paths of the image put into a folder, in a clean Python.

    Plain Python, by the Dockerfile's own argument: `make compile` proves the machine code.
    """
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "python"], check=True)
    places = {r"(?<!\w)/build": tmp_path / "build", r"(?<!\w)/opt/egizcore": tmp_path / "egizcore"}
    environment = {
        "PATH": f"{tmp_path / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", str(tmp_path)),
        "COMPILED": "false",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    } | {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "UV_", "SSL_"))
    }
    folder = tmp_path
    for _, word, text in (one for one in INSTRUCTIONS if one.stage == 0):
        for place, real in places.items():
            text = re.sub(place, str(real), text)  # noqa: PLW2901
        if word == "WORKDIR":
            folder = Path(text)
            folder.mkdir()
        elif word == "COPY":
            *sources, goal = shlex.split(text)
            for source in sources:
                copy(ROOT / source, folder / (source if goal == "./" else goal))
        elif word == "RUN" and "apt-get" not in text:
            subprocess.run(
                ["sh", "-ec", text], cwd=folder, env=environment, check=True, timeout=100
            )
    told = subprocess.run(
        [tmp_path / "egizcore" / "bin" / "egizcore", "version"],
        cwd=tmp_path,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == f"egizcore {__version__} (pure Python)\n"


def copy(source: Path, goal: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, goal, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, goal)
