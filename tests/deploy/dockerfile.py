"""A Dockerfile as instructions: enough to look at ours, and to do what its RUN says."""

from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """``RUN a && b``, its lines joined; *stage* counts from 0."""

    stage: int
    word: str
    text: str


def read(path: Path) -> list[Instruction]:
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    found, stage = [], -1
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, text = line.partition(" ")
        if word:
            stage += word == "FROM"
            found.append(Instruction(stage, word, " ".join(text.split())))
    return found
