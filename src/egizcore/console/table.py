"""The live table: which rows, in what order, and what stands in them."""

import math
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, final

from rich.table import Table
from rich.text import Text

from egizcore.console.mirror import Mirror

HEAD: Final = 5  # lines of a screen that are not rows
HALF: Final = 5.0  # seconds over which a rate is averaged


@final
class Pulse:
    """A rate of events that forgets: each counts for about `HALF` seconds."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at = 0.0

    def add(self, now: float) -> None:
        """One more event."""
        self._level = self.read(now) + 1.0 / HALF
        self._at = now

    def read(self, now: float) -> float:
        """Events a second, about."""
        return self._level * math.exp((self._at - now) / HALF)


@final
class Board:
    """What is known of every Thing, and when it was heard of. Times are seconds, monotonic."""

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.link = "connecting"
        self._pulses: dict[str, Pulse] = {}
        self._heard: dict[str, float] = {}

    def take(self, message: Mapping[str, Any], now: float) -> None:
        """Take in one message of the WebSocket."""
        thing_id = self.mirror.take(message)
        if thing_id is None:
            return
        if thing_id not in self.mirror.things:
            self._pulses.pop(thing_id, None)
            self._heard.pop(thing_id, None)
            return
        self._pulses.setdefault(thing_id, Pulse()).add(now)
        self._heard[thing_id] = now

    def table(self, height: int, now: float) -> Table:
        """As much as fits a screen of *height* lines, ordered by id."""
        things = self.mirror.things
        shown = sorted(things)[: max(1, height - HEAD)]
        hidden = len(things) - len(shown)
        total = sum(pulse.read(now) for pulse in self._pulses.values())
        caption = f"{len(things):,} Things · {total:,.1f} events/s · {self.link}"
        table = Table(caption=caption + (f" · {hidden:,} more" if hidden else ""), expand=True)
        table.caption_justify = "left"
        for name, width in (("Thing", 24), ("Type", 9), ("State", 9)):
            table.add_column(name, max_width=width, no_wrap=True, overflow="ellipsis")
        table.add_column("Values", ratio=1, no_wrap=True, overflow="ellipsis")
        for name, width in (("Version", 9), ("Age", 7), ("Rate", 7)):
            table.add_column(name, justify="right", min_width=width, no_wrap=True)
        for thing_id in shown:
            table.add_row(*self._row(things[thing_id], now))
        return table

    def _row(self, thing: Mapping[str, Any], now: float) -> Iterator[Text]:
        thing_id = thing["id"]
        pulse = self._pulses.get(thing_id)
        yield Text(thing_id)
        yield Text(plain(thing["type"]))
        yield _state(thing)
        yield Text(" ".join(values(thing)))
        yield Text(f"{thing['version']:,}")
        yield Text(self._age(thing, now))
        yield Text(f"{pulse.read(now):.1f}/s" if pulse else "")

    def _age(self, thing: Mapping[str, Any], now: float) -> str:
        heard = self._heard.get(thing["id"])
        if heard is not None:
            return age(now - heard)
        stamp = datetime.fromisoformat(thing["lastUpdated"]).timestamp()
        return age(time.time() - stamp)


def values(thing: Mapping[str, Any]) -> Iterator[str]:
    """``name value`` of each property, what a machine measures before what the mains do."""
    features = thing.get("features", {})
    last = {"electrical", "business_context"}
    for name in sorted(features, key=lambda name: (name in last, name)):
        if name != "status":
            for key, value in features[name].get("properties", {}).items():
                yield f"{plain(key)} {plain(_short(value))}"


def plain(text: str) -> str:
    """*text* without what a terminal would obey: a value may hold an escape sequence."""
    return "".join(char if char.isprintable() else "·" for char in text)


def age(seconds: float) -> str:
    """``3 s``, ``5 min``, ``2 h``."""
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _short(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list():
            return "/".join(_short(item) for item in value)
        case dict():
            return "/".join(_short(item) for item in value.values())
        case _:
            return str(value)


def _state(thing: Mapping[str, Any]) -> Text:
    properties = thing.get("features", {}).get("status", {}).get("properties", {})
    word = plain(str(properties.get("operational_state", "")))
    if properties.get("anomaly") is True:
        return Text(f"! {word}", style="bold red")
    return Text(word, style="green" if word == "running" else "")
