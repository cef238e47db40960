"""Names that must agree wherever they stand are typed once."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from cxr_core import APP_TITLE
from cxr_core.bundle import MANIFEST
from cxr_core.io.dicom.accept import SECONDARY_CAPTURE
from cxr_core.provenance import NOT_RECORDED
from tests.conventions.test_rules import ROOT, SOURCES, tree_of

SCHEMA = re.compile(r"cxr-[a-z-]+/\d+")


def words():
    """Count the strings of the sources; docstrings do not count."""
    found = Counter()
    for path in [*SOURCES, ROOT / "streamlit_app.py", ROOT / "asgi_app.py"]:
        tree = tree_of(path)
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found.update(
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in said
        )
    return found


@pytest.fixture(scope="module")
def counts():
    return words()


def test_every_schema_has_one_place(counts):
    schemas = {word: n for word, n in counts.items() if SCHEMA.fullmatch(word)}
    assert len(schemas) > 20
    assert {word: n for word, n in schemas.items() if n > 1} == {}


@pytest.mark.parametrize("word", [APP_TITLE, MANIFEST, NOT_RECORDED, "displayModeBar"])
def test_shared_words_have_one_place(counts, word):
    assert counts[word] == 1


def test_secondary_capture_is_put_together_in_one_place(counts):
    assert counts[SECONDARY_CAPTURE] == 0


def test_arrays_are_typed_by_their_names():
    """`cxr_core.array` names the common types; a second way to write one is a second word."""
    named = re.compile(r"npt\.NDArray\[np\.(float32|float64|floating|int64|bool_|uint8)\b")
    array = ROOT / "cxr_core" / "array.py"
    for path in SOURCES:
        assert path == array or not named.search(path.read_text("utf-8")), path.name
