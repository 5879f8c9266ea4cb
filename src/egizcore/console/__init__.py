"""What people look at: the page in the browser and the table in the terminal.

In: nothing of the engine's; both reach the Things over HTTP and the WebSocket, as any client
does. Out: static files for whoever serves HTTP (`files`), and a screen (`watch`). It must never
import a room of the engine, nor ask anything of another host.
"""

from egizcore.console.files import File, files
from egizcore.console.screen import is_screen

__all__ = ["File", "files", "is_screen", "watch"]


def watch(
    url: str = "http://127.0.0.1:8080",
    *,
    kind: str | None = None,
    filter: dict[str, object] | None = None,
) -> int:
    """``egizcore watch``; see `egizcore.console.terminal.watch`. Loads rich only now."""
    from egizcore.console import terminal

    return terminal.watch(url, kind=kind, filter=filter)
