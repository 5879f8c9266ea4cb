from pathlib import Path

from tests.cli.conftest import Patch

from egizcore import cli, engine, simulator
from egizcore import demo as bakery


def test_serve_hands_the_settings_to_the_engine(stand_in: Patch) -> None:
    serve = stand_in(engine, "serve")
    Path("my.yaml").write_text("limits: {features: 9}", "utf-8")
    arguments = ["--config", "my.yaml", "--host", "localhost", "--port", "9000"]
    assert cli.run(["serve", *arguments, "--set", "limits.properties=8"]) == 0
    (settings,) = serve.arguments
    assert (settings.http.host, settings.http.port) == ("localhost", 9000)
    assert (settings.limits.features, settings.limits.properties) == (9, 8)
    assert not settings.endpoint.enabled


def test_the_exit_code_is_the_engines(stand_in: Patch) -> None:
    stand_in(engine, "serve").code = 1
    assert cli.run(["serve"]) == 1


def test_demo_has_the_endpoint_and_knows_what_was_chosen(stand_in: Patch) -> None:
    demo = stand_in(bakery, "demo")
    assert cli.run(["demo", "--port", "9000"]) == 0
    (settings,) = demo.arguments
    assert settings.endpoint.enabled
    assert settings.http.host == "127.0.0.1"
    assert demo.options == {"chosen": frozenset({"http.port"}), "lan": False}


def test_lan_opens_both_doors(stand_in: Patch) -> None:
    demo = stand_in(bakery, "demo")
    assert cli.run(["demo", "--lan"]) == 0
    (settings,) = demo.arguments
    assert (settings.http.host, settings.endpoint.host) == ("0.0.0.0", "0.0.0.0")
    assert demo.options["lan"]


def test_simulate_hands_on_what_was_typed(stand_in: Patch) -> None:
    simulate = stand_in(simulator, "simulate")
    assert cli.run(["simulate", "--broker", "mqtt://a", "--things", "3", "--rate", "2.5"]) == 0
    assert simulate.arguments == ("mqtt://a",)
    assert simulate.options == {"things": 3, "rate": 2.5}
