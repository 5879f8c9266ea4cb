"""What was measured: a list of runs for each scenario, measure and system."""

import json
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, final

CEILING: Final = "ceiling"


class Measure(NamedTuple):
    """What one row of the table says."""

    scenario: str
    name: str
    unit: str

    def __str__(self) -> str:
        return f"{self.scenario}: {self.name}"


@final
class Results:
    """All runs of all systems, in the order in which they were first told."""

    def __init__(self) -> None:
        self.rows: dict[Measure, dict[str, list[float]]] = {}
        self.curves: dict[str, list[Measure]] = {}
        """Scenarios whose rows are one measure at rising sizes."""
        self.wrong: list[str] = []
        """Counts that did not add up."""

    def add(self, scenario: str, name: str, unit: str, system: str, value: float) -> None:
        """One run."""
        row = self.rows.setdefault(Measure(scenario, name, unit), {})
        row.setdefault(system, []).append(value)

    def point(self, scenario: str, size: int, unit: str, system: str, value: float) -> None:
        """One run of one point of a curve."""
        measure = Measure(scenario, f"{size:,}", unit)
        points = self.curves.setdefault(scenario, [])
        if measure not in points:
            points.append(measure)
        self.add(*measure, system, value)

    def median(self, scenario: str, name: str, unit: str, system: str) -> float | None:
        """Of the runs so far."""
        runs = self.rows.get(Measure(scenario, name, unit), {}).get(system)
        return median(runs) if runs else None

    @property
    def systems(self) -> list[str]:
        """All that were measured."""
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    def write(self, file: Path) -> None:
        """As JSON, with every run."""
        rows = [
            {
                **measure._asdict(),
                "runs": runs,
                "median": {k: median(v) for k, v in runs.items()},
                **({"to the first": self._to_first(measure)} if self._is_point(measure) else {}),
            }
            for measure, runs in self.rows.items()
        ]
        file.write_text(json.dumps({"wrong": self.wrong, "rows": rows}, indent=1) + "\n")

    def _is_point(self, measure: Measure) -> bool:
        return measure in self.curves.get(measure.scenario, [])

    def _to_first(self, measure: Measure) -> dict[str, float]:
        first, here = self.rows[self.curves[measure.scenario][0]], self.rows[measure]
        return {k: median(v) / median(first[k]) for k, v in here.items() if k in first}

    def table(self) -> str:
        """Medians with their range, and the ratios to the peers and to the ceiling.

        A curve's ratios are those of each system to its own first point.
        """
        systems = self.systems
        lines = [["", *systems, "ratios"]]
        for measure, row in self.rows.items():
            cells = [shown(row[name], measure.unit) if name in row else "-" for name in systems]
            if self._is_point(measure):
                told = ", ".join(f"{k} x {v:.2f}" for k, v in self._to_first(measure).items())
            else:
                told = _ratios(row)
            lines.append([str(measure), *cells, told])
        widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def shown(runs: list[float], unit: str) -> str:
    """The median with the range of the others."""
    low, high = min(runs), max(runs)
    spread = f" ({_short(low)} to {_short(high)})" if len(runs) > 1 else ""
    return f"{_short(median(runs))}{spread} {unit}"


def _short(value: float) -> str:
    for limit, letter in ((1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e6 if letter == 'M' else 1e3):.3g}{letter}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _ratios(row: dict[str, list[float]]) -> str:
    return ", ".join(
        f"{name}/{other} {median(row[name]) / median(row[other]):.2f}"
        for name in ("egizcore", "compiled")
        for other in ("go", "fastapi", CEILING)
        if name in row and other in row and median(row[other])
    )
