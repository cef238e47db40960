"""The tutorial's boxes, run in their order: from drawn films to a bundle in the dashboard."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import cxr_core.__main__
import train.__main__
from cxr_core.bundle import Bundle

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
MAINS = {"cxr_core": cxr_core.__main__.main, "train": train.__main__.main}


def boxes() -> list[tuple[str, str]]:
    """Language and text of every code block, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL.read_text("utf-8"), re.M | re.S)


def run_command(line: str) -> None:
    """Run one line of a box in this process; what it opens in a browser is opened by the test."""
    words = shlex.split(line)
    if words[:2] == ["python", "-m"]:
        assert MAINS[words[2]](words[3:]) == 0, line
    else:
        assert words[0] in (".", "streamlit"), line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which every box was run."""
    place = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for language, text in boxes():
            if language == "python":
                (place / "box.py").write_text(text, "utf-8")
                runpy.run_path(str(place / "box.py"))
            else:
                for line in text.replace("\\\n", " ").splitlines():
                    run_command(line)
    return place


@pytest.mark.slow
def test_the_bundle_holds_what_the_tutorial_promises(folder):
    bundle = Bundle.load(folder / "bundle")
    assert bundle.systems == ("vgg16", "mobilenetv2", "ensemble_probs", "ensemble_dense")
    trust = bundle.trust()
    assert set(trust.calibration) == set(bundle.systems)
    assert trust.gate is not None
    sets = bundle.evaluation()["sets"]
    assert sets["test"]["n_films"] == 24
    assert sets["films of hospital-b without COVID-19"]["n_films"] == 6
    assert bundle.map_checks() is not None
    assert json.loads((folder / "bundle" / "audit.json").read_text("utf-8"))["variants"]
    card = (folder / "bundle" / "MODEL_CARD.md").read_text("utf-8")
    assert "films of hospital-b without COVID-19" in card


@pytest.mark.slow
def test_the_dashboard_opens_it(folder, monkeypatch):
    words = next(line for _, text in boxes() for line in text.splitlines() if "streamlit" in line)
    arguments = shlex.split(words)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", arguments[arguments.index("--") :])
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not page.exception
    digest = Bundle.load(folder / "bundle").digest
    assert any(digest[:12] in text.value for text in page.sidebar.markdown)
    assert "6 films of hospital-b without COVID-19" in page.warning[0].value
