"""Each clause is a script on the same stage."""

from tests.mqtt.stage import stage

__all__ = ["stage"]
