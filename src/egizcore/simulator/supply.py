"""Three-phase mains of one machine: voltage by phase, current by load, power factor."""

from random import Random
from typing import Any, Final, final

PHASES: Final = ("a", "b", "c")
NOMINAL_VOLTS: Final = 230.0
SAG: Final = 0.74  # what is left of a sagging phase; EN 50160 calls anything below 0.9 a dip


@final
class Supply:
    """What an energy meter at one machine shows.

    *full_load* is in amperes a phase; *power_factor* is that at full load, and it falls with the
    load as a motor's does.
    """

    def __init__(self, rng: Random, *, full_load: float, power_factor: float) -> None:
        self._rng = rng
        self._full_load = full_load
        self._power_factor = power_factor
        self._offset = {phase: rng.gauss(0.0, 1.2) for phase in PHASES}
        self.power_kw = 0.0

    def read(self, load: float, *, sag: str = "") -> dict[str, Any]:
        """Volts, amperes and power factor at *load* (0 to 1); the phase *sag* dips.

        A machine that must deliver the same power draws more from a phase that gives less.
        """
        gauss = self._rng.gauss
        volts: dict[str, float] = {}
        amperes: dict[str, float] = {}
        for phase in PHASES:
            share = SAG if phase == sag else 1.0
            volts[phase] = round(
                NOMINAL_VOLTS * share + self._offset[phase] - 1.5 * load + gauss(0.0, 0.4), 1
            )
            wanted = self._full_load * (0.02 + load) / share
            amperes[phase] = round(max(0.0, wanted * (1.0 + gauss(0.0, 0.015))), 2)
        factor = round(self._power_factor * (0.75 + 0.25 * min(1.0, load)), 3)
        watts = sum(volts[phase] * amperes[phase] for phase in PHASES) * factor
        self.power_kw = watts / 1000.0
        return {"voltage": volts, "current": amperes, "power_factor": factor}
