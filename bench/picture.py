"""The results as a picture: SVG by hand, and PNG where Debian's Chromium can draw it."""

import shutil
import subprocess
from html import escape
from pathlib import Path
from statistics import median
from typing import Final

from bench.result import CEILING, Results, shown

WIDTH: Final = 1080
LABEL: Final = 520
BAR: Final = 14
PLOT: Final = 120  # pixels, the height of a curve
COLOURS: Final = {
    "egizcore": "#2f6f9f",
    "compiled": "#16a085",
    "go": "#c0762d",
    "fastapi": "#8e5ea2",
    CEILING: "#9aa5ae",
}


def picture(results: Results, folder: Path) -> None:
    """Write ``results.svg`` and, if it can be, ``results.png`` into *folder*."""
    text, height = _drawn(results)
    folder = folder.resolve()
    svg = folder / "results.svg"
    svg.write_text(text)
    chromium = shutil.which("chromium")
    if chromium is not None:
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--window-size={WIDTH},{height}", f"--screenshot={folder / 'results.png'}",
                svg.as_uri(),
            ],
            check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip


def _drawn(results: Results) -> tuple[str, int]:
    parts: list[str] = []
    y = 40
    for n, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<rect x="{20 + n * 120}" y="12" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{38 + n * 120}" y="22">{escape(name)}</text>')
    points = {measure for curve in results.curves.values() for measure in curve}
    for measure, row in results.rows.items():
        if measure in points:
            continue
        bars = {name: runs for name, runs in row.items() if name in COLOURS}
        most = max(map(median, bars.values()), default=0) or 1
        middle = y + len(bars) * BAR / 2 + 4
        parts.append(f'<text x="20" y="{middle:.0f}">{escape(str(measure))}</text>')
        for name, runs in bars.items():
            length = median(runs) / most * (WIDTH - LABEL - 190)
            parts.append(
                f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 3}" '
                f'fill="{COLOURS[name]}"/><text x="{LABEL + 6 + length:.1f}" y="{y + 10}" '
                f'class="n">{escape(shown(runs, measure.unit))}</text>'
            )
            y += BAR
        y += 10
    for scenario in results.curves:
        parts += _curve(results, scenario, y)
        y += PLOT + 60
    height = y + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12"><style>.n{font-size:10px;fill:#444}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    )
    return f"{head}{''.join(parts)}</svg>\n", height


def _curve(results: Results, scenario: str, y: int) -> list[str]:
    """From zero up, sizes at equal steps: each is about ten times the one before."""
    points = results.curves[scenario]
    rows = [results.rows[measure] for measure in points]
    most = max(median(runs) for row in rows for runs in row.values())
    step = (WIDTH - LABEL - 190) / max(1, len(points) - 1)
    floor = y + 20 + PLOT
    parts = [
        f'<text x="20" y="{y + 20 + PLOT // 2}">{escape(f"{scenario}, {points[0].unit}")}</text>',
        f'<line x1="{LABEL}" y1="{floor}" x2="{WIDTH - 190}" y2="{floor}" stroke="#ccc"/>',
    ]
    parts += [
        f'<text x="{LABEL + n * step:.0f}" y="{floor + 16}" class="n">{escape(measure.name)}</text>'
        for n, measure in enumerate(points)
    ]
    for name, colour in COLOURS.items():
        seen = [
            (LABEL + n * step, floor - median(row[name]) / most * PLOT, row[name])
            for n, row in enumerate(rows)
            if name in row
        ]
        line = " ".join(f"{at:.1f},{height:.1f}" for at, height, _ in seen)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{at:.1f}" cy="{height:.1f}" r="3" fill="{colour}"/>'
            f'<text x="{at + 6:.1f}" y="{height - 4:.1f}" class="n">'
            f"{escape(shown([median(runs)], points[0].unit))}</text>"
            for at, height, runs in seen
        ]
    return parts
