"""Licences of all that is needed at run time: permissive, or explained; and the table says so."""

from __future__ import annotations

import email.message
import re

import pytest

from tools.licences import REQUIREMENTS, TABLE, USES, Package, allowed, licence, needed, table


@pytest.fixture(scope="module")
def packages():
    return needed()


def test_every_licence_is_permissive_or_explained(packages):
    assert len(packages) > 50
    wrong = [f"{p.name}: {p.licence}" for p in packages if not p.is_explained]
    assert wrong == []


def test_no_package_is_gpl_or_agpl(packages):
    for package in packages:
        names = re.split(r"\s+(?:AND|OR)\s+", package.licence)
        assert not [name for name in names if re.match(r"A?GPL", name)], package


def test_the_table_has_every_package_that_is_named(packages):
    text = TABLE.read_text("utf-8")
    for package in packages:
        if REQUIREMENTS.name in package.needed_by:
            row = f"| {package.name} | "
            assert row in text, f"write it anew: python -m tools.licences ({package.name})"
            assert package.licence in text.partition(row)[2].partition("\n")[0]
    for name in {p.name for p in packages} & set(USES):
        assert f"- **{name}** " in text


def test_the_table_of_packages():
    named = Package("a", "1.0", "MIT", ["requirements.txt"], "arithmetic")
    pulled = Package("b", "2.0", "LGPL-3.0-only", ["c", "a"])
    text = table([named, pulled])
    assert "| a | 1.0 | MIT | arithmetic |\n| b | 2.0 | LGPL-3.0-only | for a, c |" in text


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("GPL-3.0-only OR Apache-2.0", True),
        ("GPL-3.0-only AND MIT", False),
        ("GPL-3.0-only", False),
        ("LGPL-3.0-only", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_what_is_allowed(expression, is_allowed):
    assert allowed(expression) is is_allowed


def test_copyleft_needs_an_explanation():
    assert Package("fpdf2", "1", "LGPL-3.0-only").is_explained
    assert not Package("other", "1", "LGPL-3.0-only").is_explained
    assert not Package("fpdf2", "1", "GPL-3.0-only").is_explained


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("License-Expression", "MIT"), ("License", "GPL")], "MIT"),
        ([("License", "Apache License 2.0")], "Apache-2.0"),
        ([("Classifier", "License :: OSI Approved :: BSD License")], "BSD"),
        (
            [("Classifier", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)")],
            "GPL-3.0-only",
        ),
        ([("License", "Do what you like\nand more")], "do what you like"),
        ([], "unknown"),
    ],
)
def test_metadata(fields, expected):
    class Installed:
        metadata = email.message.Message()

    for name, value in [("Name", "x"), *fields]:
        Installed.metadata[name] = value
    assert licence(Installed) == expected
