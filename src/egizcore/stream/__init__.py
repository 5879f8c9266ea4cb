"""The stream: who asked for what, told at once (FR-5).

In: events of the bus, commands of clients. Out: WebSocket frames, each encoded once and shared.
Never: a client that holds back ingestion, or grows memory without bound.
"""

from egizcore.stream.client import Tally
from egizcore.stream.connection import Door
from egizcore.stream.handshake import Rules
from egizcore.stream.hub import Hub, Scheduler
from egizcore.stream.settings import StreamSettings

__all__ = ["Door", "Hub", "Rules", "Scheduler", "StreamSettings", "Tally"]
