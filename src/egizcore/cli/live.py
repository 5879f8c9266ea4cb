"""``watch`` and ``top``: what goes on, until Ctrl-C."""

import json
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from egizcore.cli.gauge import Scrape, gauges, read_scrape
from egizcore.cli.options import log_quietly, read_filter, url_option
from egizcore.cli.output import dumps, printable, say
from egizcore.client import Unreachable
from egizcore.quantity import masked
from egizcore.thing import rfc3339

if TYPE_CHECKING:
    from rich.table import Table

    from egizcore.client.api import Api

PERIOD: Final = 1.0  # seconds


@click.command()
@url_option
@click.option("--type", "kind", help="Only Things of this type.")
@click.option("--filter", "text", metavar="JSON", help="Only Things that match this filter.")
def watch(url: str, kind: str | None, text: str | None) -> int:
    """Show live state. On a terminal a table, in a pipe one JSON line an event."""
    from egizcore import console

    if kind is not None and text is not None:
        raise click.UsageError("Give --type or --filter, not both.")
    log_quietly()
    return console.watch(
        url, kind=kind, filter=None if text is None else read_filter(text, "'--filter'")
    )


@click.command()
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N seconds.")
@url_option
def top(count: int | None, url: str) -> None:
    """Show rates, depths and latency. Anew each second; in a pipe one JSON line each."""
    from egizcore.client import connect
    from egizcore.console import is_screen

    with connect(url) as api:
        readings = islice(follow(api), count)
        if is_screen():
            _paint(readings, url)
        else:
            for reading in readings:
                click.echo(dumps(reading))


def follow(api: "Api") -> Iterator[dict[str, Any]]:
    """A reading each second. An engine that goes away once it was there is waited for.

    Raises:
        Unreachable: it was not there to begin with.
    """
    before = _scrape(api)
    due = before.at
    offline = False
    while True:
        due = max(due + PERIOD, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            now, health = _scrape(api), json.loads(api.text("/health"))
        except Unreachable as error:
            if not offline:
                say(f"{error.detail} Trying again.")
            offline = True
            continue
        if offline:
            say("It is there again.")
            offline, before = False, now
            continue
        stamp = rfc3339(int(time.time() * 1000))
        about = {name: health[name] for name in ("status", "version", "uptimeSeconds")}
        yield {"timestamp": stamp, **about, "degraded": degraded(health), **gauges(before, now)}
        before = now


def degraded(health: Mapping[str, Any]) -> dict[str, str]:
    """What is not well, and why."""
    return {
        name: component.get("message", "")
        for name, component in health["components"].items()
        if component["status"] == "degraded"
    }


def _scrape(api: "Api") -> Scrape:
    text = api.text("/metrics")
    return read_scrape(text, time.monotonic())


def _paint(readings: Iterator[dict[str, Any]], url: str) -> None:
    from rich.live import Live
    from rich.text import Text

    with Live(screen=True, auto_refresh=False) as live:
        waiting = Text(printable(f"{masked(url)}: measuring for a second"))  # no markup, no emoji
        live.update(waiting, refresh=True)
        for reading in readings:
            live.update(board(reading, url), refresh=True)


def board(reading: Mapping[str, Any], url: str) -> "Table":
    """*reading* for people: a line for each station that data passes."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    up = int(reading["uptimeSeconds"])
    about = f"EgizCore {reading['version']} at {masked(url)}: {reading['status']}, up {up:,} s"
    table.title = Text(printable(about))
    # Below the columns, whose width a sentence would spoil.
    table.caption = Text(
        "\n".join(f"{name}: {printable(why)}" for name, why in reading["degraded"].items()),
        style="red",
    )
    table.title_justify = table.caption_justify = "left"
    for name, *facts in stations(reading):
        table.add_row(Text(name, style="bold"), *(Text(printable(fact)) for fact in facts))
    return table


def stations(reading: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The name of each station and what is to be said of it."""

    def rate(name: str) -> str:
        return f"{reading[f'{name}PerSecond']:,.1f}/s"

    def latency(name: str) -> str:
        value = reading[f"latency{name}Ms"]
        return f"{name.lower()} {'-' if value is None else f'{value:g} ms'}"

    yield (
        "in",
        f"messages {rate('messages')}",
        f"rejected {rate('rejected')}",
        f"waiting {reading['queueDepthBytes']:,} B",
        f"devices {reading['devices']:,}",
    )
    if reading["links"]:
        links = (f"{name} {'up' if up else 'DOWN'}" for name, up in reading["links"].items())
        yield "brokers", *links, f"reconnects {reading['reconnects']:,}"
    yield (
        "state",
        f"updates {rate('updates')}",
        f"events {rate('events')}",
        f"things {reading['things']:,}",
    )
    yield (
        "out",
        f"sent {rate('sent')}",
        f"conflated {rate('conflated')}",
        f"clients {reading['clients']:,}",
        f"slow {reading['slowClients']:,}",
    )
    yield "latency", latency("P50"), latency("P99")
    yield "http", f"requests {rate('requests')}"
    yield "commands", f"sent {rate('commands')}"
    yield (
        "history",
        f"points {rate('history')}",
        f"waiting {reading['historyQueueDepth']:,}",
        f"dropped {reading['historyDropped']:,}",
    )
    yield "errors", f"{reading['errors']:,}"
