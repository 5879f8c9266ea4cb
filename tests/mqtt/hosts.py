"""Who a session asks, and where it remembers: small fakes without sockets."""

from collections.abc import Callable

from egizcore.mqtt.memory import Budget, Memory, Outgoing, Tally


class Outcomes:
    """Counts what became of publications."""

    def __init__(self) -> None:
        self.confirmed = 0
        self.lost = 0

    def acknowledged(self) -> None:
        self.confirmed += 1

    def dropped(self, count: int) -> None:
        self.lost += count

    @property
    def tally(self) -> Tally:
        return Tally(self.acknowledged, self.dropped)


def memory(
    outcomes: Outcomes | None = None, *, messages: int = 1024, size: int = 1 << 20
) -> Memory:
    return Memory(
        Outgoing((outcomes or Outcomes()).tally, Budget(size), messages=messages, size=size)
    )


class FakeHost:
    """Lets everybody in, keeps one session, and grants the filters that begin with ``devices/``."""

    def __init__(
        self,
        authenticate: Callable[[str, str | None, bytes | None], bool] = lambda *_: True,
    ) -> None:
        self._authenticate = authenticate
        self.outcomes = Outcomes()
        self.memory: Memory | None = None
        self.heard: list[str] = []

    def authenticate(self, client_id: str, username: str | None, password: bytes | None) -> bool:
        return self._authenticate(client_id, username, password)

    def admit(self, client_id: str, *, clean: bool) -> tuple[Memory, bool]:
        if self.memory is not None and not clean:
            return self.memory, True
        self.memory = memory(self.outcomes)
        return self.memory, False

    def may_subscribe(self, filter: str) -> bool:
        return filter.startswith("devices/")

    def subscribed(self, filter: str) -> None:
        self.heard.append(filter)
