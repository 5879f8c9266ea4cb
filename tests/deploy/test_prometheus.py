"""Prometheus' files, with its own checker."""

import re
from pathlib import Path

import pytest
from tests.deploy.programs import DEPLOY, document, run
from tests.running import running

FOLDER = DEPLOY / "prometheus"
METRIC = re.compile(r"\begizcore_\w+")


def rules() -> list[dict[str, str]]:
    return [rule for group in document("prometheus/rules.yml")["groups"] for rule in group["rules"]]


def test_promtool_takes_the_configuration() -> None:
    told = run("promtool", "check", "config", FOLDER / "prometheus.yml")
    assert told.returncode == 0, told.stdout


def test_promtool_takes_the_rules() -> None:
    told = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", FOLDER / "rules.yml")
    assert told.returncode == 0, told.stdout


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    told = run("promtool", "test", "rules", Path(__file__).parent / "alerts.yml")
    assert told.returncode == 0, told.stdout


def test_each_alert_is_shown_firing_and_silent() -> None:
    text = (Path(__file__).parent / "alerts.yml").read_text()
    for rule in rules():
        if "alert" in rule:
            assert len(re.findall(rf"alertname: {rule['alert']}\b", text)) >= 2
            assert re.search(rf"alertname: {rule['alert']}\n\s+exp_alerts", text)


async def test_every_metric_of_the_rules_is_one_that_egizcore_has() -> None:
    named = set(METRIC.findall((FOLDER / "rules.yml").read_text()))
    async with running(mqtt={"url": "mqtt://127.0.0.1:1"}) as engine:
        await engine.http.get("/health")  # series of HTTP begin with the first answer
        there = set(METRIC.findall((await engine.http.get("/metrics")).text))
    assert named <= there


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_each_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    if "alert" in rule:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"].keys() == {"summary", "description"}
