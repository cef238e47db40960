"""Sharing processors, and what is said where Ray is not installed; nothing here starts Ray."""

from __future__ import annotations

import os
import sys

import pytest

from cxr_core.batch.cluster import Cluster, actors_that_fit, asked_cpus, import_ray
from cxr_core.errors import ClusterError, NotInstalledError


@pytest.mark.parametrize(
    ("n_models", "n_threads", "n_cpus", "expected"),
    [
        (None, 1, 2, (1, 1)),
        (None, 1, 3, (1, 2)),
        (None, 1, 64, (16, 48)),
        (None, 4, 64, (16, 12)),
        (None, 2, 3, (1, 1)),
        (2, 1, 16, (14, 2)),
        (15, 1, 16, (1, 15)),
    ],
)
def test_processors_are_shared_and_none_is_left_over(n_models, n_threads, n_cpus, expected):
    n_decoders, n_chosen = actors_that_fit(n_models, n_threads, n_cpus)
    assert (n_decoders, n_chosen) == expected
    assert n_decoders + n_chosen * n_threads == n_cpus


@pytest.mark.parametrize(
    ("n_models", "n_threads", "n_cpus"), [(None, 1, 1), (16, 1, 16), (1, 4, 4)]
)
def test_networks_leave_a_processor_for_decoding(n_models, n_threads, n_cpus):
    with pytest.raises(ClusterError, match="must leave a processor for decoding") as raised:
        actors_that_fit(n_models, n_threads, n_cpus)
    assert "fewer models or threads" in raised.value.hint


def test_actors_of_three_lost_machines_fit_on_the_fourth():
    n_decoders, n_models = actors_that_fit(None, 4, 4 * 16)
    assert n_decoders * asked_cpus(1) + n_models * asked_cpus(4) <= 16
    assert [asked_cpus(n) for n in (1, 2, 4, 6, 8)] == [0.25, 0.5, 1, 2, 2]


def test_numbers_that_nobody_can_mean():
    with pytest.raises(ValueError, match="`n_block` must be at least 1"):
        Cluster(n_block=0)
    with pytest.raises(ValueError, match="`n_models` must be at least 1"):
        Cluster(n_models=0)


@pytest.fixture
def no_ray(monkeypatch):
    """An environment without the package, and as it was afterwards."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setitem(sys.modules, "ray", None)


def test_without_ray_it_is_said_what_to_install(no_ray):
    with pytest.raises(NotInstalledError, match="Ray must be installed") as raised:
        import_ray()
    assert "pip install -r requirements-ray.txt" in raised.value.hint


def test_usage_statistics_are_off_before_ray_is_imported(no_ray):
    for address in ("local", "auto"):
        with pytest.raises(NotInstalledError):
            import_ray(address)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_cluster_keeps_its_own_interface_and_token(no_ray, monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(NotInstalledError):
        import_ray("auto")
    assert "RAY_AUTH_TOKEN" not in os.environ
    with pytest.raises(NotInstalledError):
        import_ray("local")
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
