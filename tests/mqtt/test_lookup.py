"""Names looked up without holding anybody up."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from threading import Event
from threading import enumerate as threads
from typing import Any

import pytest

from egizcore.mqtt.lookup import look_up


class Resolver:
    """The system's resolver, for names only; it answers when it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = Event()
        self.answer: list[Any] | Exception = [(2, 1, 6, "", ("192.0.2.1", 1883))]
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *, type: int, flags: int) -> Any:
        if flags:
            return self._real(host, port, type=type, flags=flags)
        self.asked.append(host)
        self.go.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    one = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", one)
    yield one
    one.go.set()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_address_asks_nobody(address: str, resolver: Resolver) -> None:
    assert await look_up(address, 1883) == [address]
    assert resolver.asked == []


async def test_a_name_has_its_addresses() -> None:
    assert set(await look_up("localhost", 1883)) <= {"127.0.0.1", "::1"}


async def test_a_link_local_address_keeps_its_interface(resolver: Resolver) -> None:
    resolver.answer = [(10, 1, 6, "", ("fe80::1", 1883, 0, 7))]
    resolver.go.set()
    assert await look_up("broker.example", 1883) == ["fe80::1%7"]


async def test_all_who_ask_for_a_name_share_a_thread_and_one_may_leave(resolver: Resolver) -> None:
    asking = [asyncio.create_task(look_up("broker.example", 1883)) for _ in range(5)]
    await asyncio.sleep(0)
    (thread,) = [one for one in threads() if one.name == "lookup broker.example"]
    assert thread.daemon  # the process need not wait for it
    asking[0].cancel()
    resolver.go.set()
    assert await asyncio.gather(*asking[1:]) == [["192.0.2.1"]] * 4
    assert resolver.asked == ["broker.example"]
    assert await look_up("broker.example", 1883) == ["192.0.2.1"]  # asked anew
    assert len(resolver.asked) == 2


async def test_the_failure_of_a_look_up_that_was_given_up_is_nobodys(resolver: Resolver) -> None:
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    resolver.answer = socket.gaierror(-2, "Name or service not known")
    asking = asyncio.create_task(look_up("broker.example", 1883))
    await asyncio.sleep(0)
    asking.cancel()
    (thread,) = [one for one in threads() if one.name == "lookup broker.example"]
    resolver.go.set()
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(0)
    gc.collect()
    assert (asking.cancelled(), told) == (True, [])


@pytest.mark.parametrize("name", ["nosuch.invalid", "a" * 70 + ".example", ".."])
async def test_a_name_that_there_is_not_is_an_os_error(name: str) -> None:
    with pytest.raises(OSError, match=r"."):
        await look_up(name, 1883)
