"""Section ``http``."""

import pytest

from egizcore.rest import HttpSettings


def test_by_default_only_this_machine_is_served() -> None:
    settings = HttpSettings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert not settings.allowed_hosts
    assert not settings.allowed_origins


@pytest.mark.parametrize("origin", ["*", "null", "plant.example", "https://plant.example/", ""])
def test_an_origin_that_no_browser_sends_is_an_error_that_shows_it(origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        HttpSettings(allowed_origins=[origin])
