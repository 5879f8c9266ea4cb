"""Full garbage collections, which stop everything, made few and short.

Ten thousand Things are some hundred thousand containers that live on; a collection that looks at
all of them takes 50 ms and more, and finds nothing, since merging makes no cycles. So what
survived one is frozen: the next looks only at what has come since. What dies in a cycle after it
was frozen (a closed connection) waits for the next thaw.
"""

import gc
from collections.abc import Callable
from typing import Any, Final

THRESHOLDS: Final = (5_000, 2, 400)
"""Containers more than before until the youngest are looked at, a millisecond if all live on; each
third time those that survived the last two looks too. A larger number there makes one long pause
of many short ones: with 10,000 and 20 it is 45 ms."""
THAW_EVERY: Final = 3600.0
"""Seconds. The first full collection after a thaw looks at everything."""


def spare_collections(call_later: Callable[[float, Callable[[], None]], object]) -> None:
    """Put Python's collector under these rules, to the end of the process.

    To be called once, when start-up has made what lives on; *call_later* is an event loop's.
    """

    def thaw() -> None:
        gc.unfreeze()
        call_later(THAW_EVERY, thaw)

    gc.set_threshold(*THRESHOLDS)
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_ended)
    call_later(THAW_EVERY, thaw)


def _ended(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()
