"""docs/security.md: the files that it names are there, and so are the words it quotes."""

from __future__ import annotations

import re

from cxr_core import errors
from tests.security.watched import ROOT
from tools.audit_packages import NO_ANSWER
from ui.folder_policy import FOLDERS_VARIABLE

TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")


def test_files_that_are_named_exist():
    named = re.findall(r"`((?:cxr_core|ui|tests|tools|docs|\.streamlit)/[\w./-]+)`", TEXT)
    assert len(named) > 40
    absent = {".streamlit/secrets.toml"}  # made by whoever runs the server
    missing = sorted({name for name in named if not (ROOT / name).exists()} - absent)
    assert missing == []


def test_every_threat_says_what_does_not_stop_it():
    parts = [part for part in TEXT.split("\n## ")[1:] if "what stops it" in part]
    assert len(parts) == 6
    assert all("**What does not**" in part for part in parts)


def test_words_of_the_program():
    assert f"| `{FOLDERS_VARIABLE}` | |" in TEXT
    assert hasattr(errors, "ForbiddenFolderError")
    assert NO_ANSWER.startswith("NOT AUDITED")
    assert "\naudit:" in (ROOT / "Makefile").read_text("utf-8")
