"""Commands that run something: the engine, the demo, a bakery to drive any broker."""

from pathlib import Path

import click

from egizcore.cli.options import flags, log_quietly, setting_options


@click.command()
@setting_options
def serve(
    config: Path | None, host: str | None, port: str | None, settings: tuple[str, ...]
) -> int:
    """Run the engine until SIGINT or SIGTERM."""
    from egizcore import engine
    from egizcore.observability import configure
    from egizcore.settings import load

    loaded = load(config=config, flags=flags(host, port, settings))
    told = loaded.settings.observability
    configure(told.log_level, told.log_format)
    return engine.serve(loaded.settings)


@click.command()
@setting_options
@click.option("--lan", is_flag=True, help="Let other machines in: no password, plain text.")
def demo(
    config: Path | None,
    host: str | None,
    port: str | None,
    settings: tuple[str, ...],
    *,
    lan: bool,
) -> int:
    """Run the engine with a simulated bakery. Nothing else to install."""
    from egizcore.demo import demo as run_demo
    from egizcore.observability import configure
    from egizcore.settings import load

    open_doors = {
        "http.host": "0.0.0.0",  # noqa: S104 - what --lan asks for
        "endpoint.host": "0.0.0.0",  # noqa: S104
        "auth.allow_insecure": "true",
    }
    loaded = load(
        config=config,
        defaults={"endpoint.enabled": "true", "history.backend": "sqlite"},
        flags={**(open_doors if lan else {}), **flags(host, port, settings)},
    )
    told = loaded.settings.observability
    configure(told.log_level, told.log_format)
    return run_demo(loaded.settings, chosen=frozenset(loaded.sources), lan=lan)


@click.command()
@click.option("--broker", required=True, metavar="URL", help="Such as mqtt://localhost:1883.")
@click.option("--things", type=click.IntRange(min=1), default=40, show_default=True)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Readings a second of each Thing.",
)
def simulate(broker: str, things: int, rate: float) -> int:
    """Publish the readings of a bakery to any MQTT broker."""
    from egizcore import simulator

    log_quietly()
    return simulator.simulate(broker, things=things, rate=rate)
