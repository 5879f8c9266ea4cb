"""The unit, with systemd's own checker."""

import os
import re
import tomllib
from pathlib import Path

from tests.deploy.programs import DEPLOY, run

from egizcore.settings import load

TEXT = (DEPLOY / "systemd" / "egizcore.service").read_text()


def lines(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", TEXT, re.MULTILINE)


def unit(folder: Path, text: str = TEXT) -> Path:
    """The unit with a program that is here."""
    file = folder / "egizcore.service"
    file.write_text(text.replace("/opt/egizcore/bin/egizcore", "/bin/true"))
    return file


def test_systemd_takes_every_line(tmp_path: Path) -> None:
    told = run("systemd-analyze", "verify", "--man=no", unit(tmp_path))
    assert (told.returncode, told.stdout) == (0, "")


def test_systemd_finds_little_to_expose(tmp_path: Path) -> None:
    threshold = "--threshold=20"  # tenths: 2.0 is "OK", 10 is "UNSAFE"
    told = run("systemd-analyze", "security", "--offline=true", threshold, unit(tmp_path))
    assert told.returncode == 0, told.stdout


def test_it_tells_systemd_when_it_is_ready_and_that_it_lives() -> None:
    assert lines("Type") == ["notify"]
    assert int(lines("WatchdogSec")[0]) >= 10
    assert int(lines("TimeoutStopSec")[0]) > 10  # contract, section 7


def test_a_wrong_setting_is_not_tried_again() -> None:
    assert lines("RestartPreventExitStatus") == ["2"]


def test_its_variables_are_real_settings() -> None:
    given = dict(one.split("=") for one in lines("Environment")[0].split())
    assert load(environ=given).settings.observability.log_format == "json"


def test_its_program_and_folder_are_what_its_head_installs() -> None:
    (command,) = lines("ExecStart")
    for path in (command.split()[0], command.split()[-1]):
        assert os.path.dirname(path) in TEXT.partition("[Unit]")[0]  # noqa: PTH120 - no file here


def test_its_secrets_are_files_that_only_root_may_read(tmp_path: Path) -> None:
    """The lines that are commented out."""
    names = re.findall(r"^#LoadCredential=(\w+):/etc/egizcore/\1$", TEXT, re.MULTILINE)
    told = re.findall(r"^# +(\S+): /run/credentials/egizcore.service/(\w+)$", TEXT, re.MULTILINE)
    assert names == [name for _, name in told] == ["mqtt_password", "influxdb_token"]
    file = tmp_path / "secret"
    file.write_text("hunter2")
    given = {setting: str(file) for setting, _ in told}
    more = {"mqtt.url": "mqtt://a", "mqtt.username": "u", "influxdb.url": "http://a"}
    assert load(environ={}, flags=given | more).sources.keys() >= given.keys()
    text = TEXT.replace("#LoadCredential", "LoadCredential")
    told_by_systemd = run("systemd-analyze", "verify", "--man=no", unit(tmp_path, text))
    assert (told_by_systemd.returncode, told_by_systemd.stdout) == (0, "")


def test_the_extras_that_its_head_installs_are_there() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"\.whl\)\[([a-z,]+)\]", TEXT)
    assert set(extras.split(",")) == set(project["optional-dependencies"])


def test_the_process_can_be_measured() -> None:
    """Without /proc/stat prometheus-client leaves all of process_* out."""
    assert lines("ProcSubset") == ["all"]
