"""In a process of its own, since the rules hold to its end."""

import subprocess
import sys

SCRIPT = """
import gc
from egizcore.garbage import THAW_EVERY, THRESHOLDS, spare_collections

timers = []
spare_collections(lambda delay, work: timers.append((delay, work)))
assert gc.get_threshold() == THRESHOLDS
assert [delay for delay, _ in timers] == [THAW_EVERY]
first = gc.get_freeze_count()
assert first > 0

lives_on = [[n] for n in range(5000)]
gc.collect(1)
assert gc.get_freeze_count() == first, "a small collection freezes nothing"
gc.collect()
assert gc.get_freeze_count() >= first + 5000, "what survived a full one is frozen"

class Node: pass
node = Node()
node.self = node
gc.collect()
del node
assert gc.collect() == 0, "a frozen cycle waits"
timers.pop()[1]()
assert gc.get_freeze_count() == 0
assert gc.collect() > 0, "and goes after a thaw"
assert len(timers) == 1, "the next thaw is set"
print("held")
"""


def test_full_collections_look_only_at_what_is_new() -> None:
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert (told.stdout, told.stderr) == ("held\n", "")
