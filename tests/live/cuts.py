"""A way to a server that breaks: each connection is reset after so many bytes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def cut(port: int, after: Iterator[int]) -> AsyncIterator[int]:
    """Gives a port that leads to *port*; *after* says how many bytes each connection lives.

    The bytes of both directions count, and both ends are reset in the middle of a packet or not,
    as it comes. When *after* is exhausted, connections live on.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        left = next(after, 1 << 40)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            nonlocal left
            while left > 0 and (data := await source.read(4096)):
                sink.write(data[: max(left, 0)])
                left -= len(data)
                await sink.drain()

        pumps = [asyncio.create_task(pump(*way)) for way in ((reader, back), (there, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # what was written leaves before the reset
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            for one in pumps:
                one.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, back):
                end.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
