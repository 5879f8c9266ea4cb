"""``make bench``: the real servers under load, side by side, as a table, JSON and a picture.

Fails where a count does not add up, never because the machine is slow.
"""

import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Final

import click

from bench import ingest, serving, streaming
from bench.picture import picture
from bench.scenario import Bench, Scenario
from bench.servers import SCRATCH, CountWrong, systems
from bench.tools import BUILT, build
from bench.yardstick import yardstick

SCENARIOS: Final[dict[str, Scenario]] = {
    **ingest.SCENARIOS,
    **streaming.SCENARIOS,
    **serving.SCENARIOS,
}


def _names(_context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in SCENARIOS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(SCENARIOS)}")
    return names or list(SCENARIOS)


@click.command()
@click.option("--scenarios", default="", callback=_names, help="Names with commas; else all.")
@click.option("--systems", "wanted", default="", help="egizcore, compiled, go; else all built.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1))
@click.option("--out", default=BUILT / "results", type=click.Path(path_type=Path))
def main(scenarios: list[str], wanted: str, runs: int, out: Path) -> None:
    """Measure, print the table and write it down."""
    build()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir()
    # Ten thousand devices are as many descriptors, here and in the servers that we start.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(systems({name for name in wanted.split(",") if name}), runs)
    bench.results.add("yardstick", "D", "µs", "ceiling", yardstick())
    for name in scenarios:
        began = time.monotonic()
        try:
            SCENARIOS[name](bench)
        except CountWrong as error:
            bench.results.wrong.append(f"{name}: {error}")
        bench.results.write(out / "results.json")  # so far: whoever stops it has something
        click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    click.echo(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {runs} runs: median")
    click.echo(bench.results.table())
    picture(bench.results, out)
    click.echo(f"written to {out}")
    for wrong in bench.results.wrong:
        click.echo(f"a count does not add up: {wrong}", err=True)
    sys.exit(bool(bench.results.wrong))


if __name__ == "__main__":
    main()
