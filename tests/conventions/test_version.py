"""The version is typed once, in `cxr_core`; what has to repeat it says the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from cxr_core import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_package_takes_it_from_the_code():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" in settings["project"]["dynamic"]
    source = settings["tool"]["setuptools"]["dynamic"]["version"]
    assert source == {"attr": "cxr_core.__version__"}


@pytest.mark.parametrize("name", ["deploy/compose.yaml", "docs/deployment.md"])
def test_images_are_called_by_it(name):
    tags = set(re.findall(r"cxr-reading-room:([\w.-]+)", (ROOT / name).read_text("utf-8")))
    assert tags == {__version__}


def test_the_changelog_begins_with_it():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert headings[0] == __version__
