"""``make bench``: the real servers under load, side by side, as a table, JSON and a picture.

Fails where a count does not add up, never because the machine is slow.
"""

import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

import click

from bench import ingest, scaling, serving, streaming
from bench.picture import picture
from bench.scenario import DIED, Bench, Scenario
from bench.servers import SCRATCH, CountWrong, systems
from bench.tools import BUILT, build, build_peers, end_all
from bench.yardstick import yardstick

SCENARIOS: Final[dict[str, Scenario]] = {
    **ingest.SCENARIOS,
    **streaming.SCENARIOS,
    **serving.SCENARIOS,
    **scaling.SCENARIOS,
}
LONG: Final = {"soak"}  # only when named


def _names(_context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in SCENARIOS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(SCENARIOS)}")
    return names or [name for name in SCENARIOS if name not in LONG]


@click.command()
@click.option(
    "--scenarios", default="", callback=_names, help="Names with commas; else all but soak."
)
@click.option("--systems", "wanted", default="", help="egizcore, compiled, go, fastapi; else all.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1))
@click.option("--minutes", default=10.0, show_default=True, help="How long a soak lasts.")
@click.option("--out", default=BUILT / "results", type=click.Path(path_type=Path))
def main(scenarios: list[str], wanted: str, runs: int, minutes: float, out: Path) -> None:
    """Measure, print the table and write it down."""
    # Whoever ends us ends what we started: SIGTERM runs the same `finally` as Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    build()
    build_peers()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir()
    # Ten thousand devices are as many descriptors, here and in the servers that we start.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(systems({name for name in wanted.split(",") if name}), runs, minutes)
    bench.results.add("yardstick", "D", "µs", "ceiling", yardstick())
    try:
        for name in scenarios:
            _run(bench, name)
            bench.results.write(out / "results.json")  # so far: whoever stops it has something
    finally:
        end_all()
    click.echo(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {runs} runs: median")
    click.echo(bench.results.table())
    picture(bench.results, out)
    click.echo(f"written to {out}")
    for wrong in bench.results.wrong:
        click.echo(f"a count does not add up: {wrong}", err=True)
    sys.exit(bool(bench.results.wrong))


def _run(bench: Bench, name: str) -> None:
    began = time.monotonic()
    bench.scenario = name
    try:
        SCENARIOS[name](bench)
    except (CountWrong, *DIED) as error:
        bench.wrong(repr(error))
    finally:
        end_all()
    click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)


if __name__ == "__main__":
    main()
