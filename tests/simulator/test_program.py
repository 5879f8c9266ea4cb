"""``egizcore simulate`` as a process."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE

import pytest

from egizcore.errors import StartupFailed
from egizcore.simulator import program


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_also_while_the_broker_is_down(
    number: signal.Signals,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys, egizcore.simulator.program as program\n"
        "program.Progress.run.__globals__['PIPE_SECONDS'] = 0.2\n"
        "sys.exit(program.simulate('mqtt://127.0.0.1:1', things=3, rate=5))",
        stderr=PIPE,
        stdout=PIPE,
    )
    assert process.stderr is not None
    line = b""
    async with asyncio.timeout(20):
        while b"0/3 connected" not in line:
            line = await process.stderr.readline()
            assert line, "it ended by itself"
        process.send_signal(number)
        _, stderr = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in stderr
    assert b"0 sent in " in stderr


def test_more_connections_than_files_are_refused_with_the_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 1024))
    with pytest.raises(StartupFailed) as refused:
        program.simulate("mqtt://127.0.0.1:1", things=5000)
    assert "ulimit -n 5064" in refused.value.mend
