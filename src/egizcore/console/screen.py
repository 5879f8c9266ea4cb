"""Whether what we write is seen on a screen."""

import os
import sys


def is_screen() -> bool:
    """Whether standard output is a terminal that can be painted anew.

    A pipe is none, nor is the shell of an editor, which says ``TERM=dumb``: it would show each
    frame below the last, with the codes in between. Both get lines.
    """
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
