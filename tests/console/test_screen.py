import pytest

from egizcore.console import is_screen


@pytest.mark.parametrize(
    ("terminal", "kind", "screen"),
    [
        (True, "xterm", True),
        (True, "dumb", False),
        (True, "unknown", False),
        (False, "xterm", False),
    ],
)
def test_only_a_terminal_that_can_be_painted_is_a_screen(
    terminal: bool,  # noqa: FBT001 - a parameter of the test
    kind: str,
    screen: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("TERM", kind)
    assert is_screen() is screen
