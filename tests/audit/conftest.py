"""Fixtures of the audit's tests."""

from __future__ import annotations

import pytest

from cxr_core.audit.systems_reader import SystemsReader
from tests.audit.material import TwoLungs, write_splits


@pytest.fixture(scope="session")
def tiny_reader(tiny_predictor) -> SystemsReader:
    """A reader over the tiny bundle."""
    return SystemsReader({tiny_predictor.variant: tiny_predictor})


@pytest.fixture
def lungs() -> TwoLungs:
    """A lung network that always finds two boxes."""
    return TwoLungs()


@pytest.fixture
def plain_folder(tmp_path):
    """6 training and 3 test films a class, nothing that gives the class away."""
    return write_splits(tmp_path / "films", 6, 3)
