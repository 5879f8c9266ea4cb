"""The HTTP API: what business systems, scripts and people ask and change (FR-4).

In: requests. Out: answers from the state, problems for what cannot be answered. Never: a rule
about Things (they are the state's), a WebSocket (it is handed on), a signal.

Importing it is light: Litestar and uvicorn come with the functions that need them.
"""

import socket
from typing import TYPE_CHECKING

from egizcore.rest.host import host_check, is_loopback
from egizcore.rest.parts import AsgiApp, IngestView, Page, RestParts, UpgradeProtocol
from egizcore.rest.problem import refusal
from egizcore.rest.settings import HttpSettings

if TYPE_CHECKING:
    from egizcore.rest.server import Server

__all__ = [
    "AsgiApp",
    "HttpSettings",
    "IngestView",
    "Page",
    "RestParts",
    "bind",
    "create_app",
    "create_server",
    "host_check",
    "is_loopback",
    "refusal",
]


def create_app(parts: RestParts) -> AsgiApp:
    """The ASGI application of every route but ``/events``."""
    from egizcore.rest.app import build

    return build(parts)


def bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets; raises StartupFailed where they cannot be had."""
    from egizcore.rest import server

    return server.bind(host, port)


def create_server(app: AsgiApp, sockets: list[socket.socket], *, ws: UpgradeProtocol) -> "Server":
    """A server of *app* on *sockets*, which hands WebSocket upgrades to *ws*."""
    from egizcore.rest import server

    return server.create_server(app, sockets, ws=ws)
