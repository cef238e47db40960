"""What the front page must not load: tables and all that comes with them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.noisy_films import noisy_films
from benchmarks.serving import DASHBOARD, serving
from benchmarks.visitor import Visitor


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_film_on_the_front_page_loads_no_tables(tiny_bundle_dir):
    environment = {"CXR_BUNDLE": str(tiny_bundle_dir)}
    with serving(DASHBOARD, ready="/_stcore/health", environment=environment) as served:
        with Visitor(served.port) as visitor:
            visitor.open()
            run, _ = visitor.upload(next(noisy_films(1)))
        mapped = Path(f"/proc/{served.pid}/maps").read_text("utf-8")
    assert len(run.viewers[0]["scores"]) == 5
    assert "openvino" in mapped
    tables = ("pyarrow", "pandas", "sklearn", "scipy")
    assert not [name for name in tables if f"/{name}/" in mapped]
