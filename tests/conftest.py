"""What every test has: a guard against blocking calls, and bounded hypothesis profiles."""

import os
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

# Two shared cores: a slow example is no fault of the code.
settings.register_profile(
    "local", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Our code must not block the event loop; what a test does around it is its own affair."""
    with blockbuster_ctx("egizcore") as guard:
        yield guard
