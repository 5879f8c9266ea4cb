import os
import subprocess
import sys

import pytest

from egizcore import cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_us_what_may_follow(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["completion", shell]) == 0
    told = capsys.readouterr()
    assert f"_EGIZCORE_COMPLETE={shell}_complete" in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("egizcore ch", 1, ["check-config"]),
        ("egizcore get --", 2, ["--type", "--fields", "--limit", "--all", "--output", "--url"]),
        ("egizcore get -o ", 3, ["table", "json", "ndjson", "csv"]),
        ("egizcore config ", 2, ["show"]),
    ],
)
def test_what_may_follow_is_told(words: str, place: int, expected: list[str]) -> None:
    asked = {
        "_EGIZCORE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(place),
    }
    program = "from egizcore.cli import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip
    found = [line.partition(",")[2] for line in told.stdout.splitlines()]
    assert [word for word in found if word != "--help"] == expected


def test_the_bash_script_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["completion", "bash"])
    script = capsys.readouterr().out
    checked = subprocess.run(["bash", "-n"], input=script, text=True, timeout=30, check=False)
    assert checked.returncode == 0
