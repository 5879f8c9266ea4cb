"""``check-config`` and ``config show``: the settings, as serve would read them."""

from pathlib import Path

import click

from egizcore.cli.options import flags, output_option, setting_options
from egizcore.cli.output import Rows, dumps, form_for, write_rows


@click.command("check-config")
@setting_options
def check_config(
    config: Path | None, host: str | None, port: str | None, settings: tuple[str, ...]
) -> None:
    """Read the settings as serve would, and say what they come to."""
    from egizcore.ingest import overlaps
    from egizcore.settings import load, outline, read_passwords

    loaded = load(config=config, flags=flags(host, port, settings))
    # All that serve would refuse comes before the "ok".
    warnings = overlaps(loaded.settings.mqtt)
    read_passwords(loaded.settings)
    click.echo("ok")
    for line in outline(loaded.settings):
        click.echo(f"  {line}")
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@setting_options
@output_option
def show(
    config: Path | None,
    host: str | None,
    port: str | None,
    settings: tuple[str, ...],
    form: str | None,
) -> None:
    """Show each setting of serve, its value and who set it. Secrets are masked."""
    from egizcore.cli.effective import effective
    from egizcore.settings import load

    loaded = load(config=config, flags=flags(host, port, settings))
    told = list(effective(loaded))
    shape = form_for(form)
    if shape == "json":
        document = {one.key: {"value": one.value, "source": one.source} for one in told}
        click.echo(dumps(document, indent=2))
    elif shape == "ndjson":
        for one in told:
            click.echo(dumps({"key": one.key, "value": one.value, "source": one.source}))
    else:
        write_rows(Rows(("key", "value", "source"), told), shape)
