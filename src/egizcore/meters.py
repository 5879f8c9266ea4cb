"""Which integers of the rooms stand behind which metric (contract.md, section 8)."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, final

from egizcore.bus import Bus
from egizcore.command import Courier
from egizcore.history import Reader, Recorder
from egizcore.ingest import Intake, Target
from egizcore.mqtt import Endpoint, Link
from egizcore.observability import Exposition, Histogram, Series
from egizcore.state import Store
from egizcore.stream import Door

Reading: TypeAlias = Callable[[], Mapping[tuple[str, ...], float]]

_SECONDS: Final = 10
"""The window of the message rate; ``tick`` comes once a second."""


@final
class Meters:
    """The exposition, and the few numbers that belong to no room.

    ``show`` is called once, when the rooms stand; every series exists at zero from then on.
    """

    def __init__(self) -> None:
        self.latency = Histogram()
        self._exposition = Exposition(with_process=True)
        self._requests: dict[tuple[str, ...], Histogram] = {}  # bounded by the routes
        self._totals: deque[int] = deque([0], maxlen=_SECONDS + 1)
        self._messages: Callable[[], int] = lambda: 0
        self.history_query = Histogram()
        self._crashes = {"rest": 0, "mqtt": 0, "stream": 0, "history": 0}

    def text(self) -> bytes:
        """The answer of ``GET /metrics``."""
        return self._exposition.text()

    @property
    def series(self) -> Sequence[Series]:
        """What ``GET /metrics`` shows, for other ways to show it."""
        return self._exposition.series

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP answer left."""
        key = (method, route, str(status))
        histogram = self._requests.get(key)
        if histogram is None:
            histogram = self._requests[key] = Histogram()
        histogram.observe(seconds)

    def crashed(self, component: str) -> None:
        """Something unexpected went wrong in a room."""
        self._crashes[component] += 1

    def look_at_process(self) -> None:
        """Renew what is told of memory, CPU and files; from a thread, every now and then."""
        self._exposition.look_at_process()

    def tick(self) -> None:
        """A second has passed."""
        self._totals.append(self._messages())

    def show(
        self,
        store: Store,
        intake: Intake,
        courier: Courier,
        *,
        endpoint: Endpoint[Target] | None,
        links: list[Link[Target]],
        door: Door,
        recorder: Recorder | None,
        reader: Reader,
    ) -> None:
        """Put everything up for scraping."""
        self._messages = lambda: sum(sum(outcomes.values()) for outcomes in intake.counts.values())
        self._show_ingestion(intake, endpoint, links)
        self._show_sessions(endpoint)
        self._show_commands(courier)
        self._show_state(store, store.bus)
        self._show_outputs(door)
        self._show_history(recorder)
        self._exposition.counter(
            "egizcore_errors_total",
            "Unexpected errors, and peers that broke their protocol.",
            lambda: {
                ("mqtt",): self._crashes["mqtt"] + sum(link.errors for link in links),
                ("endpoint",): 0 if endpoint is None else endpoint.errors,
                ("ingest",): intake.errors,
                ("rest",): self._crashes["rest"],
                ("stream",): self._crashes["stream"] + door.errors,
                ("history",): self._crashes["history"]
                + reader.failures
                + (0 if recorder is None else recorder.failures),
            },
            ("component",),
        )

    def _show_ingestion(
        self, intake: Intake, endpoint: Endpoint[Target] | None, links: list[Link[Target]]
    ) -> None:
        show = self._exposition
        show.counter(
            "egizcore_mqtt_messages_total",
            "Messages by where they came from and what came of them.",
            lambda: {
                (source, outcome): count
                for source, outcomes in intake.counts.items()
                for outcome, count in outcomes.items()
            },
            ("source", "outcome"),
        )
        show.gauge(
            "egizcore_mqtt_message_rate",
            "Messages a second over the last 10 s.",
            lambda: {(): (self._totals[-1] - self._totals[0]) / max(len(self._totals) - 1, 1)},
        )
        show.gauge(
            "egizcore_ingest_queue_depth",
            "Bytes that wait in the MQTT sockets and buffers.",
            lambda: {
                (): sum(link.waiting() for link in links)
                + (0 if endpoint is None else endpoint.waiting())
            },
        )
        show.gauge(
            "egizcore_mqtt_connected",
            "1 while the link to the broker stands.",
            lambda: {(link.name,): int(link.connected) for link in links},
            ("broker",),
        )
        show.counter(
            "egizcore_mqtt_reconnects_total",
            "Times that a link to a broker was set up again.",
            _one(lambda: sum(link.reconnects for link in links)),
        )
        show.gauge(
            "egizcore_endpoint_devices",
            "Devices that are connected to the endpoint.",
            _one(lambda: 0 if endpoint is None else endpoint.devices),
        )
        show.counter(
            "egizcore_endpoint_takeovers_total",
            "Sessions that a second device with the same client id took over.",
            _one(lambda: 0 if endpoint is None else endpoint.takeovers),
        )

    def _show_sessions(self, endpoint: Endpoint[Target] | None) -> None:
        show = self._exposition
        show.gauge(
            "egizcore_endpoint_sessions_away",
            "Sessions that are kept for devices that are not connected.",
            _one(lambda: 0 if endpoint is None else endpoint.away),
        )
        show.counter(
            "egizcore_endpoint_sessions_forgotten_total",
            "Sessions that had to go before their time, for there were too many.",
            _one(lambda: 0 if endpoint is None else endpoint.forgotten),
        )

    def _show_commands(self, courier: Courier) -> None:
        self._exposition.counter(
            "egizcore_commands_total",
            "Messages that tell devices what is desired.",
            lambda: {
                ("sent",): courier.sent,
                ("acknowledged",): courier.acknowledged,
                ("dropped",): courier.dropped,
            },
            ("outcome",),
        )

    def _show_state(self, store: Store, bus: Bus) -> None:
        show = self._exposition
        show.gauge("egizcore_things", "Things that exist.", _one(lambda: len(store.things)))
        show.counter(
            "egizcore_updates_total",
            "Changes of one part of a Thing, by what came of them.",
            lambda: {
                ("applied",): store.applied,
                ("unchanged",): store.unchanged,
                ("late",): store.late,
            },
            ("outcome",),
        )
        show.counter(
            "egizcore_events_total",
            "Events, whether or not anyone listened.",
            lambda: {(name,): count for name, count in bus.counts().items()},
            ("event",),
        )

    def _show_history(self, recorder: Recorder | None) -> None:
        show = self._exposition
        show.counter(
            "egizcore_history_points_total",
            "Samples by what came of them in the history store.",
            lambda: {
                ("written",): 0 if recorder is None else recorder.written,
                ("dropped",): 0 if recorder is None else recorder.dropped,
                ("conflict",): 0 if recorder is None else recorder.conflict,
            },
            ("outcome",),
        )
        show.gauge(
            "egizcore_history_queue_depth",
            "Samples that wait for the history store.",
            _one(lambda: 0 if recorder is None else recorder.waiting),
        )
        show.histogram(
            "egizcore_history_query_duration_seconds",
            "From a history query to its answer.",
            lambda: {(): self.history_query},
        )

    def _show_outputs(self, door: Door) -> None:
        show, tally = self._exposition, door.tally
        show.gauge("egizcore_ws_clients", "WebSocket clients.", _one(lambda: tally.clients))
        show.gauge(
            "egizcore_ws_slow_clients",
            "WebSocket clients that take less than there is: changes are merged for them.",
            _one(lambda: door.slow),
        )
        show.counter(
            "egizcore_ws_events_sent_total",
            "Events that were written to WebSocket clients.",
            _one(lambda: tally.sent),
        )
        show.counter(
            "egizcore_ws_conflated_total",
            "Changes that were merged into another event for a slow client.",
            _one(lambda: tally.conflated),
        )
        show.histogram(
            "egizcore_event_latency_seconds",
            "From bytes received to frames written.",
            lambda: {(): self.latency},
        )
        show.histogram(
            "egizcore_http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            lambda: self._requests,
            ("method", "route", "status"),
        )


def _one(read: Callable[[], float]) -> Reading:
    return lambda: {(): read()}
