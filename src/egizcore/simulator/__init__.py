"""A bakery that behaves: ovens, mixers, proofers, conveyors, and what goes wrong with them.

In: a broker's address and the time. Out: telemetry over a real MQTT connection for each device.
The models (`bakery`) are pure: time is an argument and chance is seeded. It must never reach the
Things by any other way than a device would.
"""

from egizcore.simulator.bakery import masters
from egizcore.simulator.program import run, simulate

__all__ = ["masters", "run", "simulate"]
