"""Who needs to know. In: events. Out: the same events, at once. Never: a queue that waits."""

from egizcore.bus.bus import Bus, Listener

__all__ = ["Bus", "Listener"]
