"""The arithmetic of `benchmarks.scale`, worked by hand."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.process_tree import ProcessTree
from benchmarks.scale import Cost, million_rows
from benchmarks.scale_run import _rate


def test_one_million_films():
    networks = Cost("networks", 0.26, 0.25, 0.27, 10)
    films = Cost("PNG", 0.1, 0.1, 0.1, 10, film_mb=2.0)
    ((title, decode_h, all_h, hours, terabytes),) = million_rows([films], networks, 0.9)
    assert title == "PNG"
    assert decode_h == pytest.approx(27.78, abs=0.01)
    assert all_h == pytest.approx(0.36e6 / 3600 / 0.9)
    assert hours == pytest.approx([all_h / 16, all_h / 128, all_h / 1024])
    assert terabytes == pytest.approx(2.0)


def test_the_rate_leaves_the_start_out():
    looks = [
        (25, 60.0, 50.0),
        (50, 61.0, 51.0),
        *((50 + 25 * n, 61 + 5 * n, 0) for n in range(1, 9)),
    ]
    rate = _rate(looks, 1)
    assert rate.mean == pytest.approx(0.2)
    assert (rate.low, rate.high) == pytest.approx((0.2, 0.2))
    assert rate.words(1e3, 0) == "200 (200 to 200)"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="reads /proc")
def test_time_of_a_process_and_its_children():
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])"
    process = subprocess.Popen([sys.executable, "-c", script])
    tree, looked = ProcessTree(process.pid), 0.0
    while process.poll() is None:
        looked = tree.cpu_s()
        time.sleep(0.01)
    assert 0.25 < looked < 5
    assert np.isfinite(tree.cpu_s())
