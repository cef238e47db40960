"""Readings, pages and what a PDF says, for the tests of reports."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from cxr_core import io as film_io
from cxr_core.bundle.caution import Caution
from cxr_core.predict import Trust
from cxr_core.report import About, film_page
from cxr_core.trust.calibration import Temperature

NOW = datetime(2026, 11, 25, 20, 15, tzinfo=UTC)


def png(shape=(300, 260), seed=0):
    """A smooth random grey PNG of these rows and columns."""
    coarse = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (9, 8), np.uint8))
    buffer = io.BytesIO()
    coarse.resize(shape[::-1], Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def reader(data):
    """Open a PDF."""
    return PdfReader(io.BytesIO(data), strict=True)


def text(data, page=None):
    """All words of a PDF, or of one page, with single spaces."""
    pages = reader(data).pages if page is None else [reader(data).pages[page]]
    return " ".join(" ".join(found.extract_text() for found in pages).split())


def temperature(value, *, note=""):
    """A temperature fitted to 416 films."""
    counts = {"COVID19": 16, "NORMAL": 108, "PNEUMONIA": 292}
    return Temperature(value, value, 416, 227, counts, note=note)


@pytest.fixture
def read(tiny_predictor):
    """Return what reads bytes with the tiny models."""
    return lambda data=None, name="film.png": tiny_predictor.read(
        film_io.read(png() if data is None else data, name=name)
    )


@pytest.fixture
def about(tiny_predictor):
    """The tiny models as if they were calibrated and measured."""
    found = About.of(tiny_predictor)
    called = {
        "vgg16": {"n_hits": 58, "n": 60, "value": 0.967, "low": 0.886, "high": 0.991},
        "ensemble_dense": {"n_hits": 51, "n": 60, "value": 0.85, "low": 0.739, "high": 0.919},
    }
    return replace(
        found,
        provenance=replace(found.provenance, probabilities="calibrated"),
        calibration={name: temperature(1.25) for name in tiny_predictor.systems},
        cautions=(Caution("adults without COVID-19", 60, called),),
    )


@pytest.fixture
def page(tiny_predictor, read, about):
    """One film's page; every score calibrated, the gate passed."""
    found = film_page(tiny_predictor, read(), about)
    trust = Trust(2.468, 4.321, "passed", found.trust.agreement, ("NORMAL", "PNEUMONIA"), 0.9)
    scores = tuple(replace(row, temperature=1.25) for row in found.scores)
    return replace(found, trust=trust, scores=scores)
