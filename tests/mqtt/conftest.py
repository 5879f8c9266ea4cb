"""Everything here with a socket runs on both event loops: uvloop in service, asyncio elsewhere."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop
from tests.mqtt.certificates import authority

__all__ = ["authority"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
