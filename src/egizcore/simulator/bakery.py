"""The bakery: lines of ten devices, and what a business system knows of them beforehand."""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from egizcore.simulator.batch import Plan
from egizcore.simulator.conveyor import Conveyor
from egizcore.simulator.line import Line
from egizcore.simulator.machine import Machine
from egizcore.simulator.mixer import Mixer
from egizcore.simulator.oven import Oven
from egizcore.simulator.proofer import Proofer

# In this order, so that a bakery of any size begins with an oven and has a bit of everything.
PATTERN: Final = (
    "oven",
    "mixer",
    "proofer",
    "conveyor",
    "oven",
    "mixer",
    "proofer",
    "conveyor",
    "oven",
    "line",
)
NAMES: Final = {
    "oven": "Deck Oven",
    "mixer": "Spiral Mixer",
    "proofer": "Proofer",
    "conveyor": "Cooling Belt",
}
MODELS: Final = {
    "oven": "DO-330",
    "mixer": "SM-160",
    "proofer": "PC-34",
    "conveyor": "CC-12",
    "line": "LC-1",
}


class Place(NamedTuple):
    """Where one device stands."""

    device: str
    kind: str
    line: int
    number: int  # among its kind; of a line: the line's own

    @property
    def line_name(self) -> str:
        """``line-a`` for 0, ``line-aa`` for 26."""
        return f"line-{_letters(self.line)}"


def places(things: int) -> Iterator[Place]:
    """The floor plan for this many devices, ten to a line."""
    counts = dict.fromkeys(PATTERN, 0)
    for index in range(things):
        line, position = divmod(index, len(PATTERN))
        kind = PATTERN[position]
        counts[kind] += 1
        device = f"line-{_letters(line)}" if kind == "line" else f"{kind}-{counts[kind]:03d}"
        yield Place(device, kind, line, counts[kind])


def masters(things: int = 40) -> list[dict[str, object]]:
    """The Things as ``POST /api/v1/things`` takes them: type, metadata, relationships.

    Each machine is ``partOf`` its line.
    """
    return [_master(place) for place in places(things)]


def bakery(things: int = 40, *, seed: int = 0, now: float = 0.0) -> list[Machine]:
    """All devices in floor order. The same *seed* and the same times give the same readings."""
    machines: list[Machine] = []
    line: list[Machine] = []
    plan = Plan(0, seed)
    number = 0
    for place in places(things):
        if place.line != number:
            number = place.line
            plan = Plan(number, seed)
            line = []
        machine = _machine(place, plan, line, seed, now)
        line.append(machine)
        machines.append(machine)
    return machines


def _machine(place: Place, plan: Plan, line: list[Machine], seed: int, now: float) -> Machine:
    rng = Random(f"{seed}:{place.device}")
    match place.kind:
        case "oven":
            return Oven(place.device, plan, rng, now)
        case "mixer":
            return Mixer(place.device, plan, rng, now)
        case "proofer":
            return Proofer(place.device, plan, rng, now)
        case "conveyor":
            return Conveyor(place.device, plan, rng, now)
        case _:
            return Line(place.device, plan, tuple(line))


def _master(place: Place) -> dict[str, object]:
    relationships: list[dict[str, str]] = []
    if place.kind != "line":
        relationships.append({"type": "partOf", "targetId": f"factory:{place.line_name}"})
    return {
        "id": f"factory:{place.device}",
        "type": place.kind,
        "metadata": {
            "name": _title(place),
            "location": place.line_name,
            "manufacturer": "Egiz Industrial",
            "model": MODELS[place.kind],
        },
        "relationships": relationships,
    }


def _title(place: Place) -> str:
    if place.kind == "line":
        return f"Bakery Line {_letters(place.line).upper()}"
    return f"{NAMES[place.kind]} #{place.number}"


def _letters(number: int) -> str:
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
