"""One film's DICOM objects, read back; pictures kept small."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace

import pydicom
import pytest

from cxr_core import io
from cxr_core.dicom_out import picture
from cxr_core.dicom_out.export import MapChoice, export


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch):
    monkeypatch.setattr(picture, "LONG_SIDE_PX", 256)


def _unchanged(reading):
    """Leave a reading as it is."""
    return reading


@pytest.fixture(scope="session")
def kept():
    """What was exported before; nobody changes it."""
    return {}


@pytest.fixture
def exported(tiny_predictor, kept):
    """Read and export the bytes of a film; `change` is applied to the reading in between."""

    def _kept(data, *, systems=("vgg16",), change=_unchanged, is_new=False, **options):
        key = (data, systems, change.__qualname__, tuple(options))
        if is_new or options or key not in kept:
            kept[key] = _export(data, systems, change, options)
        return kept[key]

    def _export(data, systems, change, options):
        reading = change(tiny_predictor.read(io.read(data, name="film")))
        maps = [MapChoice(name) for name in systems]
        found = export(data, reading, tiny_predictor, maps, **options)
        read = [pydicom.dcmread(BytesIO(each.data)) for each in found.objects]
        kinds = [each.kind for each in found.objects]
        return SimpleNamespace(
            reading=reading,
            objects=read,
            kinds=kinds,
            notices=found.notices,
            codes=[notice.code for notice in found.notices],
            files=found.objects,
            report=read[-1],
            overlays=[ds for ds, kind in zip(read, kinds, strict=True) if kind == "overlay"],
            film=read[0] if kinds[0] == "film" else None,
            zipped=found.zipped,
        )

    return _kept
