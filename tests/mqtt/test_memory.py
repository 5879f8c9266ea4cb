from hypothesis import given
from hypothesis import strategies as st
from tests.mqtt import samples
from tests.mqtt.hosts import Outcomes, memory

from egizcore.mqtt.memory import OVERHEAD, Budget, Grant, Identifiers, Message, Outgoing
from egizcore.mqtt.topic import matches

numbers = st.integers(1, 65_535)


@given(st.lists(st.tuples(st.booleans(), numbers | st.integers(1, 4))))
def test_identifiers_are_a_set(steps: list[tuple[bool, int]]) -> None:
    ours, naive = Identifiers(), set[int]()
    for adds, number in steps:
        if adds:
            ours.add(number)
            naive.add(number)
        else:
            assert ours.discard(number) is (number in naive)
            naive.discard(number)
        assert (number in ours, ours.count) == (number in naive, len(naive))
    assert (ours._bits is None) is (not naive)


class Naive:
    """What becomes of publications, in lists."""

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.flight: list[tuple[int, int]] = []
        self.unsent: list[int] = []
        self.lost = self.confirmed = 0


@given(
    st.lists(st.sampled_from(["put", "put", "take", "confirm", "refuse", "resume", "restart"])),
    st.integers(1, 4),
)
def test_each_publication_is_sent_in_order_until_it_is_confirmed_or_counted_as_lost(
    steps: list[str], most: int
) -> None:
    outcomes, naive, budget = Outcomes(), Naive(), Budget(1 << 20)
    ours = Outgoing(outcomes.tally, budget, messages=most, size=1 << 20)
    count = 0
    for step in steps:
        match step:
            case "put":
                ours.put(Message("t", b"%d" % count))
                naive.waiting.append(count)
                count += 1
                while len(naive.waiting) > most:
                    naive.waiting.pop(0)
                    naive.lost += 1
            case "take" if not ours.idle:
                number, message, again = ours.take()
                if naive.unsent:
                    assert (again, number) == (True, naive.unsent.pop(0))
                    assert (number, int(message.payload)) in naive.flight
                else:
                    assert (again, int(message.payload)) == (False, naive.waiting.pop(0))
                    naive.flight.append((number, int(message.payload)))
            case "confirm" | "refuse" if naive.flight:
                number, _ = naive.flight.pop(0)
                ours.confirm(number, taken=step == "confirm")
                naive.confirmed += step == "confirm"
                naive.lost += step == "refuse"
                naive.unsent = [one for one in naive.unsent if one != number]
            case "resume":
                ours.resume()
                naive.unsent = [number for number, _ in naive.flight]
            case "restart":
                ours.restart()
                naive.waiting[:0] = [payload for _, payload in naive.flight]
                naive.flight, naive.unsent = [], []
        assert ours.idle is (not naive.waiting and not naive.unsent)
        assert ours.in_flight == len(naive.flight) - len(naive.unsent)
        assert (outcomes.confirmed, outcomes.lost) == (naive.confirmed, naive.lost)
    left = len(naive.waiting) + len(naive.flight)
    assert bool(budget.used) is bool(left)
    ours.discard()
    assert outcomes.lost == naive.lost + left
    assert (ours.idle, ours.in_flight, budget.used) == (True, 0, 0)


def sized(size: int) -> Message:
    """A publication that costs *size*."""
    return Message("t", bytes(size - OVERHEAD))


def test_what_waits_has_a_bound_in_bytes_but_one_may_be_larger() -> None:
    outcomes = Outcomes()
    outgoing = Outgoing(outcomes.tally, Budget(1 << 20), messages=10, size=1000)
    outgoing.put(sized(5000))
    assert outcomes.lost == 0
    for _ in range(3):
        outgoing.put(sized(500))
    assert outcomes.lost == 2
    number, _, _ = outgoing.take()
    outgoing.put(sized(500))
    assert outcomes.lost == 3
    outgoing.confirm(number)
    outgoing.put(sized(500))
    assert outcomes.lost == 3


def test_an_overdrawn_budget_leaves_each_session_its_newest() -> None:
    outcomes, budget = Outcomes(), Budget(3000)
    some = [Outgoing(outcomes.tally, budget, messages=10, size=1 << 20) for _ in range(4)]
    for _ in range(3):
        for one in some:
            one.put(sized(1000))
    assert (budget.used, outcomes.lost) == (4000, 8)
    for one in some:
        one.discard()
    assert (budget.used, outcomes.lost) == (0, 12)


def test_an_identifier_that_is_not_known_confirms_nothing() -> None:
    outcomes = Outcomes()
    Outgoing(outcomes.tally, Budget(100), messages=10, size=100).confirm(7)
    assert (outcomes.confirmed, outcomes.lost) == (0, 0)


@given(
    st.lists(st.tuples(st.booleans(), samples.filters, st.integers(0, 1), st.none() | numbers)),
    samples.names,
)
def test_a_topic_has_what_all_its_subscriptions_grant(
    steps: list[tuple[bool, str, int, int | None]], topic: str
) -> None:
    ours, naive = memory(), dict[str, Grant]()
    for adds, name, qos, identifier in [*steps, (True, topic, 0, None)]:
        if adds:
            assert ours.subscribe(name, Grant(qos, identifier))
            naive[name] = Grant(qos, identifier)
        else:
            assert ours.unsubscribe(name) is (naive.pop(name, None) is not None)
    found = [grant for name, grant in naive.items() if matches(name, topic)]
    granted = ours.granted(topic)
    assert granted is not None
    assert granted[0] == max(one.qos for one in found)
    assert sorted(granted[1]) == sorted(
        one.identifier for one in found if one.identifier is not None
    )
    for name in naive:
        ours.unsubscribe(name)
    assert ours.granted(topic) is None
