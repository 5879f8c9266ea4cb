"""What a write has answered survives a kill."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import Random

from tests.history.stores import NOW, Clock, everything, names, small

from egizcore.history.sqlite import SqliteArchive

KILLS = 15
PROGRAM = Path(__file__).with_name("killed_writer.py")


async def test_what_was_written_survives_kills(tmp_path: Path) -> None:
    rng = Random(1)
    told = 0
    for _ in range(KILLS):
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            str(tmp_path),
            str(told),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert program.stdout is not None
        for _ in range(rng.randrange(1, 60)):
            told = int(await program.stdout.readline())
        program.send_signal(signal.SIGKILL)
        told = max([told, *map(int, (await program.stdout.read()).split())])
        await program.wait()
    archive = SqliteArchive(small(tmp_path), Clock())
    await archive.open()
    seen = 0
    query = everything()
    while items := await archive.page(query):
        for item in items:
            assert item.at == NOW + seen
            assert item.properties == {"value": float(seen)}
            seen += 1
        query = query._replace(after=items[-1].place)
    assert told <= seen <= told + 25
    assert archive.message == ""
    await archive.close()
    assert not names(tmp_path, "*.corrupt-*")
