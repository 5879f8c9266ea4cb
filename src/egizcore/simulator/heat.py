"""A heated zone: first order, with a proportional controller that knows its losses."""

import math
from random import Random
from typing import Final, final

AMBIENT: Final = 24.0
STEP: Final = 2.0  # seconds that the controller holds its output
HORIZON: Final = 600.0  # a zone is settled after this; a longer gap need not be integrated


@final
class Zone:
    """One zone, in °C. *rise* is how far above ambient full power holds it, *tau* is in seconds.

    Between two decisions of the controller the exact solution of the first-order equation is
    used, so the readings do not depend on how often anyone looks.
    """

    def __init__(self, rng: Random, *, at: float, rise: float, tau: float) -> None:
        self._rng = rng
        self._rise = rise
        self._tau = tau
        self.degrees = at
        self.drive = 0.0  # share of full heating power, 0 to 1

    def advance(self, seconds: float, setpoint: float, *, heater_works: bool = True) -> None:
        """Let *seconds* pass with the controller at *setpoint*."""
        left = min(seconds, HORIZON)
        while left > 0.0:
            step = min(left, STEP)
            self.drive = self._decide(setpoint) if heater_works else 0.0
            target = AMBIENT + self._rise * self.drive
            self.degrees = target + (self.degrees - target) * math.exp(-step / self._tau)
            left -= step

    def read(self) -> float:
        """What its sensor shows: the temperature with a sensor's noise."""
        return round(self.degrees + self._rng.gauss(0.0, 0.25), 1)

    def _decide(self, setpoint: float) -> float:
        hold = (setpoint - AMBIENT) / self._rise
        return min(1.0, max(0.0, hold + 0.05 * (setpoint - self.degrees)))
