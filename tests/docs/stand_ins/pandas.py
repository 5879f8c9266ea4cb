"""What the examples use of pandas, for machines without it: the same calls, done with csv."""

import csv
import statistics
from urllib.request import urlopen


class Column(list[float]):
    """The numbers of one column."""

    def mean(self) -> float:
        return statistics.fmean(self)


class Table:
    """The rows of a table, as text."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def to_string(self, max_rows: int) -> str:
        shown = [*self._rows[: max_rows // 2], *self._rows[-(max_rows // 2) :]]
        return "\n".join(" ".join(row.values()) for row in shown)

    def __getitem__(self, name: str) -> Column:
        return Column(float(row[name]) for row in self._rows if row[name])


def read_csv(url: str) -> Table:
    """A table with a heading."""
    with urlopen(url) as answer:
        lines = answer.read().decode().splitlines()
    return Table(list(csv.DictReader(lines, strict=True)))
