"""The model itself keeps the contract, so that the two cannot drift apart."""

import pytest
from tests.history.contract import ArchiveContract
from tests.history.naive import NaiveArchive

from egizcore.history import Archive


class TestNaiveArchive(ArchiveContract):
    @pytest.fixture
    def archive(self) -> Archive:
        return NaiveArchive()
