"""One live server over the tiny bundle a module."""

from __future__ import annotations

import pytest

from cxr_core.predict import PublishedModels
from tests.http.live import serving, until


@pytest.fixture(scope="module")
def live(tiny_bundle_dir):
    """A server that is ready."""

    def load():
        models = PublishedModels(tiny_bundle_dir)
        models.predictor()
        return models

    with serving(load) as found:
        until(lambda: found.service.is_ready)
        yield found
