"""A machine without a single font: reports, overlays and pictures are the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from cxr_core.dicom_out import picture
from cxr_core.errors import ArtifactIntegrityError
from cxr_core.explain import overlay
from cxr_core.io import read
from cxr_core.report import film_report, sheet
from tests.conftest import write_film
from tests.reliability.many import film

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)
DRAW = """
import hashlib, sys
from datetime import UTC, datetime
from pathlib import Path
from cxr_core.bundle import Bundle
from cxr_core.dicom_out.picture import overlay_picture
from cxr_core.explain.overlay import render
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from cxr_core.report import film_report
predictor = Predictor(Bundle.load(sys.argv[1]))
reading = predictor.read(read_path(sys.argv[2]))
cam = predictor.explain(reading, "vgg16", "COVID19")
image = reading.radiograph.image
drawn = [render(image, cam).tobytes(), overlay_picture(image, cam, ["Words below"]).tobytes()]
drawn.append(film_report(predictor, reading, created=datetime(2028, 2, 29, tzinfo=UTC)))
print(any(Path("/usr/share/fonts").rglob("*.ttf")))
print(*(hashlib.sha256(data).hexdigest() for data in drawn))
"""
WITHOUT = """
for each in /usr/share/fonts /usr/local/share/fonts /etc/fonts; do
  test ! -d "$each" || mount -t tmpfs none "$each" || exit 9
done
exec "$@"
"""


@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_report_names_the_font_that_it_lacks(tiny_predictor, tmp_path, monkeypatch, damage):
    folder = Path(shutil.copytree(sheet.FONTS, tmp_path / "fonts"))
    monkeypatch.setattr(sheet, "FONTS", folder)
    reading = tiny_predictor.read(read(film(1), name="a.png"))
    assert film_report(tiny_predictor, reading, created=NOW).startswith(b"%PDF")
    font = folder / "report-bold.ttf"
    data = font.read_bytes()
    font.unlink()
    if damage != "missing":
        font.write_bytes(data[: len(data) // 3] if damage == "cut" else b"")
    named = r"assets/fonts/report-bold\.ttf: the file must be the font"
    with pytest.raises(ArtifactIntegrityError, match=named) as caught:
        film_report(tiny_predictor, reading, created=NOW)
    assert "Restore the folder assets/fonts" in caught.value.hint


def test_pictures_draw_with_the_font_of_their_library(tiny_predictor, monkeypatch):
    by_name = []
    open_font = ImageFont.truetype

    def truetype(font, *arguments, **options):
        if isinstance(font, str | os.PathLike):  # one of the system
            by_name.append(font)
        return open_font(font, *arguments, **options)

    monkeypatch.setattr(ImageFont, "truetype", truetype)
    for module in (overlay, picture):
        module._font.cache_clear()
    reading = tiny_predictor.read(read(film(1), name="a.png"))
    cam = tiny_predictor.explain(reading, "vgg16", "COVID19")
    image = reading.radiograph.image
    assert overlay.render(image, cam).ndim == 3
    drawn = picture.overlay_picture(image, cam, ["Words below"])
    assert np.ptp(drawn[image.shape[0] :]) > 0  # the words are there
    assert not by_name


@pytest.mark.slow
def test_without_any_font_of_the_system_all_is_drawn_the_same(tiny_bundle_dir, tmp_path):
    path = write_film(tmp_path / "film.png", seed=0)
    command = [sys.executable, "-c", DRAW, str(tiny_bundle_dir), str(path)]
    wrapper = ["unshare", "-rm", "sh", "-c", WITHOUT, "sh"]
    try:
        done = subprocess.run([*wrapper, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if done.returncode:
        pytest.skip("fonts cannot be hidden here: no user namespaces")
    environment = {**os.environ, "HOME": str(tmp_path)}
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True}
    said = [
        subprocess.run([*apart, *command], check=True, **options).stdout.splitlines()
        for apart in ([], wrapper)
    ]
    assert said[1][0] == "False"  # fonts are gone
    assert said[0][1] == said[1][1]
