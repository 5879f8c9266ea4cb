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
COLOURS: Final = {"egizcore": "#2f6f9f", "compiled": "#16a085", "go": "#c0762d", CEILING: "#9aa5ae"}


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
    for measure, row in results.rows.items():
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
    height = y + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12"><style>.n{font-size:10px;fill:#444}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    )
    return f"{head}{''.join(parts)}</svg>\n", height
