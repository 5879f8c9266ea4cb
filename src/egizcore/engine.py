"""The composition root: builds the rooms, wires them, starts and stops them.

It has no rules of its own. Outputs start first and inputs stop first, so nothing that was taken
in is lost on the way out.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from itertools import count
from secrets import token_hex
from types import FrameType
from typing import Final, final

import structlog
import uvloop

from egizcore import __version__
from egizcore.bus import Bus
from egizcore.command import Courier
from egizcore.console import files
from egizcore.garbage import spare_collections
from egizcore.history import Answers, Reader, Recorder, TracedAnswers, archive_of
from egizcore.ingest import IngestView, Intake, Routes, Target
from egizcore.meters import Meters
from egizcore.mqtt import Batch, Endpoint, Link, Origin, Topics
from egizcore.observability import Exporter, ServiceManager
from egizcore.rest import AsgiApp, RestParts, bind, create_app, create_server, host_check, refusal
from egizcore.settings import Settings
from egizcore.state import Registry, Store
from egizcore.stream import Door, Hub, Rules

SECOND: Final = 1.0
LAST_WORDS: Final = 5.0
"""Seconds that the store has for what waits for it while the clients have as many to say goodbye:
all has to end within 10."""
STOPS: Final = (signal.SIGINT, signal.SIGTERM)
LOOK_EVERY: Final = 5
"""Seconds between two looks at the process itself."""
RESTART_AFTER: Final = 1.0
"""Seconds before a task that failed is started again."""

_log = structlog.get_logger("egizcore.engine")


def wall_clock() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@final
class Engine:
    """One EgizCore. Building it reads files and takes the HTTP port; ``run`` is its whole life.

    Raises:
        StartupFailed: a port is taken, a file cannot be read, a route is wrong.
    """

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        skip = settings.state.unchanged == "skip"
        self.settings = settings
        self.bus = Bus(token_hex(6))
        self.store = Store(self.bus, settings.limits)
        self.registry = Registry(self.store, wall_clock, skip_unchanged=skip)
        routes = Routes(settings.mqtt.routes, settings.mqtt.devices)
        self.courier = Courier(settings.commands, self.store.things, settings.mqtt.devices)
        self.bus.attach_rare(self.courier.hear)
        self.intake = Intake(
            self.store,
            routes,
            wall_clock,
            create_unknown=settings.mqtt.unknown == "create",
            skip_unchanged=skip,
            heard=self.courier.heard,
        )
        self.topics: Topics[Target] = Topics(routes.resolve)
        self.links = self._links(routes)
        self.courier.links = self.links
        self.endpoint = self._endpoint()
        self.meters = Meters()
        self.hub = Hub(self.store, loop, self.meters.latency.observe)
        self.door = Door(self.hub, _rules(settings), settings.stream.client_buffer)
        for source in ("endpoint", *(link.name for link in self.links)):
            self.intake.add_source(source)
        self.archive = archive_of(
            settings.history, settings.influxdb, self.store.things, settings.mqtt.devices
        )
        self.recorder = self._recorder()
        self.exporter = self._exporter()
        self.reader = Reader(self._answers(), self.meters.history_query.observe, wall_clock)
        self.meters.show(
            self.store,
            self.intake,
            self.courier,
            endpoint=self.endpoint,
            links=self.links,
            door=self.door,
            recorder=self.recorder,
            reader=self.reader,
        )
        self.manager = ServiceManager(os.environ)
        self.started_at = time.monotonic()
        self.is_ready = False
        app = self._app(IngestView(self.intake, routes, wall_clock))
        self.server = create_server(
            app, bind(settings.http.host, settings.http.port), ws=self.door.connect
        )

    def _links(self, routes: Routes) -> list[Link[Target]]:
        settings, courier = self.settings, self.courier
        return [
            Link(
                name, link, routes.filters(), self.topics, self._deliver,
                max_packet=settings.limits.mqtt_packet,
                acknowledged=courier.was_acknowledged, dropped=courier.were_dropped,
            )
            for name, link in {"mqtt": settings.mqtt, **settings.mqtt.connections}.items()
            if link.url is not None
        ]  # fmt: skip

    def _endpoint(self) -> Endpoint[Target] | None:
        settings, courier = self.settings, self.courier
        if not settings.endpoint.enabled:
            return None
        return Endpoint(
            settings.endpoint,
            self.topics,
            self._deliver,
            max_packet=settings.limits.mqtt_packet,
            authenticate=_anyone,
            may_subscribe=courier.may_subscribe,
            subscribed=courier.subscribed,
            acknowledged=courier.was_acknowledged,
            dropped=courier.were_dropped,
        )

    def _recorder(self) -> Recorder | None:
        settings = self.settings.history
        if self.archive is None or not settings.records:
            return None
        recorder = Recorder(settings, self.archive)
        self.store.record_with(recorder.due, recorder.late)
        return recorder

    def _exporter(self) -> Exporter | None:
        endpoint = self.settings.observability.otlp_endpoint
        if endpoint is None:
            return None
        identity = {
            "service.name": "egizcore",
            "service.version": __version__,
            "service.instance.id": self.bus.epoch,
        }
        return Exporter(endpoint, self.meters.series, identity)

    def _answers(self) -> Answers | None:
        """The archive, as REST asks it."""
        if self.archive is None or self.exporter is None:
            return self.archive
        return TracedAnswers(self.archive, self.exporter.tracer, self.settings.history.backend)

    def _app(self, ingest: IngestView) -> AsgiApp:
        return create_app(
            RestParts(
                store=self.store,
                registry=self.registry,
                ingest=ingest,
                history=self.reader,
                settings=self.settings.http,
                version=__version__,
                health=self.health,
                ready=lambda: self.is_ready,
                metrics=self.meters.text,
                answered=self.meters.answered,
                failed=lambda: self.meters.crashed("rest"),
                pages=files(),
                tracer=None if self.exporter is None else self.exporter.tracer,
            )
        )

    async def run(
        self, stop: asyncio.Event, started: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Serve until *stop* is set; *started* runs once everything takes traffic."""
        tasks = [asyncio.create_task(self.server.serve(), name="http")]
        links: list[asyncio.Task[None]] = []
        recording: list[asyncio.Task[None]] = []
        watchers: list[asyncio.Task[None]] = []
        if self.settings.auth.allow_insecure:
            _log.warning("auth.allow_insecure: whoever reaches this machine may read and write")
        try:
            await self.server.listening.wait()
            if self.archive is not None:
                await self.archive.open()
            if self.recorder is not None:
                recording += [
                    self._supervised("history", run)
                    for run in (self.recorder.watch, self.recorder.write)
                ]
            if self.endpoint is not None:
                await self.endpoint.start()
            tasks.append(self._supervised("stream", self._every_second))
            links += [self._supervised("mqtt", one.run) for one in self.links]
            watchers += self._watchers()
            self.is_ready = True
            doors = self._doors()
            _log.info("ready", **doors)
            self.manager.ready(" ".join(f"{name}={where}" for name, where in doors.items()))
            if started is not None:
                await started()
            await stop.wait()
            _log.info("stopping")
            self.manager.stopping("Flushing to clients and history")
            self.is_ready = False
        finally:
            self.is_ready = False
            inputs = () if self.endpoint is None else (self.endpoint.stop(),)
            await asyncio.gather(_ended(links), *inputs)
            self.door.close()
            self.server.stop()
            await _ended(recording)
            await asyncio.gather(tasks[0], self._record_rest(LAST_WORDS))
            await self._record_rest(SECOND)  # what the last requests brought
            await asyncio.gather(self._close_archive(), _ended(watchers))
            await _ended(tasks[1:])  # last: the sweeps end who does not take our goodbye
        _log.info("stopped")

    async def _record_rest(self, seconds: float) -> None:
        """What waits for the store is with it, if it takes it in time."""
        if self.recorder is not None:
            await self.recorder.finish(seconds)

    async def _close_archive(self) -> None:
        if self.archive is not None:
            await self.archive.close()

    def _watchers(self) -> list[asyncio.Task[None]]:
        """Those who tell others of us, while there is a loop to tell of."""
        runs: dict[str, Callable[[], Awaitable[None]]] = {}
        if self.exporter is not None:
            runs["observability"] = self.exporter.run
        if self.manager.watchdog:
            runs["watchdog"] = self.manager.watch
        return [
            asyncio.create_task(supervise(name, run, lambda _: None), name=name)
            for name, run in runs.items()
        ]

    def _doors(self) -> dict[str, str]:
        """Where each door is, for the log."""
        doors = {"http": f"{self.settings.http.host}:{self.server.port}"}
        if self.endpoint is not None:
            doors = {"endpoint": f"{self.settings.endpoint.host}:{self.endpoint.port}"} | doors
        return doors

    def health(self) -> dict[str, object]:
        """The document of ``GET /health``."""
        components = {
            "mqtt": self._links_health(),
            "endpoint": {"status": "disabled" if self.endpoint is None else "ok"},
            "history": self._history_health(),
        }
        degraded = any(one["status"] == "degraded" for one in components.values())
        return {
            "status": "degraded" if degraded else "ok",
            "version": __version__,
            "uptimeSeconds": round(time.monotonic() - self.started_at, 3),
            "things": len(self.store.things),
            "components": components,
        }

    def _links_health(self) -> dict[str, str]:
        if not self.links:
            return {"status": "disabled"}
        wrong = [f"{link.name}: {link.message}" for link in self.links if link.message]
        if not wrong:
            return {"status": "ok"}
        return {"status": "degraded", "message": "; ".join(wrong)}

    def _history_health(self) -> dict[str, str]:
        if self.archive is None:
            return {"status": "disabled"}
        lost = "" if self.recorder is None else self.recorder.message
        wrong = "; ".join(filter(None, (self.archive.message, lost)))
        return {"status": "degraded", "message": wrong} if wrong else {"status": "ok"}

    def _deliver(self, batch: Batch[Target], origin: Origin) -> None:
        """What one socket read of a link or a device contained becomes live state."""
        self.hub.began()
        self.intake.take(batch, origin)
        self.hub.done()

    async def _every_second(self) -> None:
        loop = asyncio.get_running_loop()
        for second in count(1):
            await asyncio.sleep(SECOND)
            self.door.sweep(loop.time())
            self.meters.tick()
            if second % LOOK_EVERY == 0:
                await asyncio.to_thread(self.meters.look_at_process)

    def _supervised(self, component: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(supervise(component, run, self.meters.crashed), name=component)


def serve(settings: Settings) -> int:
    """Run the engine until SIGINT or SIGTERM; the exit code.

    Raises:
        StartupFailed
    """

    async def life() -> None:
        loop = asyncio.get_running_loop()

        async def started() -> None:
            spare_collections(loop.call_later)

        await Engine(settings, loop).run(stop_signal(), started)

    run_loop(life)
    return 0


def run_loop(life: Callable[[], Awaitable[None]]) -> None:
    """Run *life* on uvloop to its end."""

    async def alive() -> None:
        await life()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(alive())
    for number in STOPS:  # the interpreter, as it ends, would let one that comes again kill it
        signal.signal(number, signal.SIG_IGN)


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set from now on, as often as they come."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(stop.set)

    # Not the loop's own handlers: it takes them away as it ends, and the next signal would kill.
    for number in STOPS:
        signal.signal(number, tell)
    return stop


async def supervise(
    component: str, run: Callable[[], Awaitable[None]], crashed: Callable[[str], None]
) -> None:
    """Keep *run* running: an unexpected error is logged, told to *crashed*, and it starts again."""
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - whatever it is, its siblings go on
            crashed(component)
            _log.exception("a task failed and is started again", component=component)
            await asyncio.sleep(RESTART_AFTER)
        else:
            return


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    tasks.clear()


def _rules(settings: Settings) -> Rules:
    return Rules(host_check(settings.http), frozenset(settings.http.allowed_origins), refusal)


def _anyone(_client_id: str, _username: str | None, _password: bytes | None) -> bool:
    """With ``auth.mode: none`` any user name and password pass."""
    return True
