"""An audit that could ask nobody does not end well."""

from __future__ import annotations

import importlib.util

from tools.audit_packages import NO_TOOL, main, told

GOOD = {"name": "a", "version": "1", "vulns": []}
SILENT = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited"}
HOLE = {"id": "CVE-1", "fix_versions": ["2.1", "3"]}
BAD = {"name": "c", "version": "2", "vulns": [HOLE, {"id": "CVE-2", "fix_versions": []}]}


def test_all_is_well_only_if_every_package_was_asked_about():
    assert told([GOOD, GOOD]) == (["2 of 2 packages audited."], 0)
    lines, status = told([GOOD, SILENT])
    assert status == 2
    assert lines[0].startswith("NOT AUDITED. The index gave no answer about 1 of 2 packages:")
    assert lines[1] == "1 of 2 packages audited."
    assert told([])[1] == 2


def test_a_known_hole_is_told_with_what_mends_it():
    lines, status = told([GOOD, BAD, SILENT])
    assert status == 1
    assert lines[:2] == ["c 2: CVE-1, mended in: 2.1, 3", "c 2: CVE-2, mended in: none yet"]


def test_without_the_tool_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert main([]) == 2
    assert capsys.readouterr().err.strip() == NO_TOOL
