"""What a line bakes: recipes, and the batches that go through the machines one after another."""

from random import Random
from typing import Any, Final, NamedTuple, final

BATCH_SECONDS: Final = 240.0  # a bakery's half-hour, shortened so that a watcher sees it change
FIRST_BATCH: Final = 500
STAGES: Final = 4


class Recipe(NamedTuple):
    """How one product is made: °C in the oven, % relative humidity, revolutions a minute."""

    name: str
    oven_setpoint: float
    proof_humidity: float
    mixing_speed: float


RECIPES: Final = (
    Recipe("white-bread", 190.0, 78.0, 120.0),
    Recipe("rye-bread", 215.0, 72.0, 95.0),
    Recipe("sourdough", 230.0, 75.0, 85.0),
    Recipe("croissant", 175.0, 80.0, 105.0),
    Recipe("baguette", 225.0, 74.0, 135.0),
)


class Batch(NamedTuple):
    """One batch of one recipe under one operator."""

    id: str
    recipe: Recipe
    operator: str

    def context(self) -> dict[str, Any]:
        """The feature ``business_context`` of the PRD's oven."""
        return {
            "current_batch": self.id,
            "recipe": self.recipe.name,
            "operator_id": self.operator,
        }


@final
class Plan:
    """The batches of one line, a pure function of time.

    Each stage of the line (0 mixing, 1 proofing, 2 baking, 3 cooling) works on the batch that the
    stage before it had a batch's time earlier.
    """

    def __init__(self, line: int, seed: int) -> None:
        self._line = line
        self._seed = seed
        self._shift = Random(f"{seed}:plan:{line}").uniform(STAGES, STAGES + 1) * BATCH_SECONDS
        self._known: dict[int, Batch] = {}  # one for each stage at most; older ones go

    def at(self, now: float, stage: int) -> Batch:
        """The batch that *stage* works on at *now* (seconds)."""
        index = int((now + self._shift) // BATCH_SECONDS) - stage
        batch = self._known.get(index)
        if batch is None:
            batch = self._known[index] = self._make(index)
            if len(self._known) > STAGES:
                del self._known[min(self._known)]
        return batch

    def _make(self, index: int) -> Batch:
        rng = Random(f"{self._seed}:{self._line}:{index}")
        number = FIRST_BATCH + 1000 * self._line + index % 1000
        return Batch(f"batch-{number}", rng.choice(RECIPES), f"operator-{rng.randint(10, 59)}")
