"""A deck oven of three zones, the PRD's example."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final, final

from egizcore.simulator.batch import Plan
from egizcore.simulator.fault import NONE, PHASE_SAGS, Faults, sagging_phase
from egizcore.simulator.heat import Zone
from egizcore.simulator.supply import Supply

ZONES: Final = 3
STAGE: Final = 2
FAULTS: Final = ("zone-1-heater", "zone-2-heater", "zone-3-heater", *PHASE_SAGS)
COLD: Final = 15.0  # this far below the setpoint an oven still heats up
RANGE: Final = (30.0, 300.0)  # °C that its controller takes as a setpoint


@final
class Oven:
    """Its zones follow *setpoint*: what is desired of it, else what the batch's recipe says."""

    def __init__(self, device: str, plan: Plan, rng: Random, now: float) -> None:
        self.device = device
        self.setpoint = plan.at(now, STAGE).recipe.oven_setpoint
        self._desired: float | None = None
        self.state = "heating"
        self._plan = plan
        self._batch = plan.at(now, STAGE)
        self._supply = Supply(rng, full_load=38.0, power_factor=0.96)
        self._faults = Faults(rng, FAULTS, now)
        start = rng.uniform(60.0, 150.0) if rng.random() < 0.25 else self.setpoint
        self._zones = [
            Zone(rng, at=start + rng.gauss(0.0, 3.0), rise=330.0, tau=rng.uniform(170.0, 230.0))
            for _ in range(ZONES)
        ]
        self._now = now

    @property
    def power_kw(self) -> float:
        """At the last reading."""
        return self._supply.power_kw

    def obey(self, feature: str, desired: Mapping[str, Any]) -> None:
        """Take ``thermal.setpoint`` as its own until it is desired no more.

        A setpoint that its controller cannot take changes nothing.
        """
        if feature != "thermal":
            return
        wish = desired.get("setpoint")
        if wish is None:
            self._desired = None
            self.setpoint = self._batch.recipe.oven_setpoint
        elif type(wish) in (int, float) and RANGE[0] <= wish <= RANGE[1]:
            self.setpoint = self._desired = float(wish)

    def read(self, now: float) -> dict[str, Any]:
        """Electrical, thermal, status and business context, as the PRD's oven has them."""
        fault = self._faults.at(now)
        batch = self._plan.at(now, STAGE)
        if batch.id != self._batch.id:
            self._batch = batch
            if self._desired is None:
                self.setpoint = batch.recipe.oven_setpoint
        seconds, self._now = now - self._now, now
        for number, zone in enumerate(self._zones, start=1):
            zone.advance(seconds, self.setpoint, heater_works=fault != f"zone-{number}-heater")
        warmest = max(zone.degrees for zone in self._zones)
        self.state = "heating" if warmest < self.setpoint - COLD else "running"
        load = sum(zone.drive for zone in self._zones) / ZONES
        return {
            "electrical": self._supply.read(load, sag=sagging_phase(fault)),
            "thermal": {
                "temperature_zones": [zone.read() for zone in self._zones],
                "setpoint": self.setpoint,
            },
            "status": {
                "operational_state": self.state,
                "anomaly": fault != NONE,
                "fault": fault,
            },
            "business_context": batch.context(),
        }
