"""Property tests are given the same examples whatever else runs, and few enough to be fast."""

from __future__ import annotations

import importlib.util
import os
import sys

from hypothesis import given, settings
from hypothesis import strategies as st


def drawn() -> list[int]:
    """What a property is given."""
    found = []

    @settings(max_examples=200)
    @given(st.integers())
    def collect(value):
        found.append(value)

    collect()
    return found


def test_examples_do_not_depend_on_what_else_is_loaded(tmp_path, monkeypatch):
    before = drawn()
    path = tmp_path / "numbers.py"
    path.write_text(f"X = {[7919 * i for i in range(50)]}\n", "utf-8")
    spec = importlib.util.spec_from_file_location("numbers_of_another", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "numbers_of_another", module)
    assert len(before) > 50
    assert drawn() == before


def test_the_house_profile_is_loaded():
    default = settings()
    assert default.derandomize
    assert default.database is None
    assert default.deadline is None
    assert default.max_examples == int(os.environ.get("CXR_PROPERTIES", "25"))
