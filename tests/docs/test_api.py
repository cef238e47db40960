"""The reference is that of the sources, and every name in it says what it is."""

from __future__ import annotations

import ast

import pytest

from tools.make_api import TARGET, listed, names_of, reference


def test_the_reference_is_up_to_date():
    text = TARGET.read_text("utf-8")
    assert text == reference(), "run `make docs` (python -m tools.make_api) and commit docs/api.md"


@pytest.mark.parametrize("module", listed())
def test_every_public_name_is_documented(module):
    entries = list(names_of(module))
    assert not [each.name for each in entries if not ast.get_docstring(each.node)]


def test_sections_become_lists():
    text = reference()
    assert "### `read_path(path: str | Path, *, limits: Limits=LIMITS) -> Radiograph`" in text
    assert "- `path`: The file; its folders appear in no message." in text
