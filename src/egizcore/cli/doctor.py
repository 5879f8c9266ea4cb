"""``doctor``."""

from pathlib import Path

import click

from egizcore.cli.options import flags, setting_options


@click.command()
@setting_options
@click.option("--quick", is_flag=True, help="Only: does an engine with these settings answer?")
def doctor(
    config: Path | None,
    host: str | None,
    port: str | None,
    settings: tuple[str, ...],
    *,
    quick: bool,
) -> int:
    """Try all that serve needs: brokers, stores, ports, limits. Each failure has its mend."""
    from egizcore.doctor import doctor as examine
    from egizcore.settings import load

    loaded = load(config=config, flags=flags(host, port, settings))
    return examine(loaded.settings, quick=quick)
