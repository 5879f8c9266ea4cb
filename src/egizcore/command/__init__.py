"""What a Thing is asked to be reaches the device that can make it so (contract.md, section 4).

In: who reports for which Thing, and what is desired of Things. Out: messages on each device's own
command topic, by the link that the device came by. Never: a change of the state, an await.
"""

from egizcore.command.courier import Courier
from egizcore.command.settings import CommandSettings

__all__ = ["CommandSettings", "Courier"]
