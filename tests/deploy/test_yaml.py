"""Of two equal keys YAML keeps the last and says nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.deploy.programs import DEPLOY

FILES = sorted(file for kind in ("yaml", "yml") for file in DEPLOY.rglob(f"*.{kind}"))


def maps(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for key, value in node.value:
            yield from maps(key)
            yield from maps(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from maps(item)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_no_key_stands_twice(file: Path) -> None:
    found = list(maps(yaml.compose(file.read_text())))
    assert found
    for one in found:
        keys = [key.value for key, _ in one.value]
        assert len(keys) == len(set(keys)), keys
