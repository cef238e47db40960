"""`inspect --audit` on the command line."""

from __future__ import annotations

import json

import pytest

from cxr_core.__main__ import main
from cxr_core.audit.overlap import FingerprintIndex
from tests.audit.material import write_films, write_splits


@pytest.fixture
def folder(tmp_path):
    return write_splits(tmp_path / "films", 3, 2)


def test_an_audit_without_models(folder, tmp_path, capsys):
    out = tmp_path / "made" / "audit.json"
    index = tmp_path / "made" / "fingerprints.safetensors"
    arguments = ["inspect", str(folder), "--audit", str(out), "--fingerprints", str(index)]
    assert main([*arguments, "--without-models", "--resamples", "20"]) == 0
    found = json.loads(out.read_text("utf-8"))
    assert found["schema"] == "cxr-audit/1"
    assert found["variants"] == {}
    assert len(FingerprintIndex.load(index)) == 15
    printed = capsys.readouterr()
    assert "What tells the class, 6 films of 6 patients" in printed.out
    assert "Reading the films: 15 of 15" in printed.err


def test_an_audit_with_models(folder, tiny_bundle_dir, tmp_path, capsys):
    other = write_films(tmp_path / "other", 1, classes=("NORMAL",), first_seed=99)
    out = tmp_path / "audit.json"
    arguments = ["inspect", str(folder), "--audit", str(out), "--bundle", str(tiny_bundle_dir)]
    arguments += ["--external", str(other), "--external-title", "adults", "--films", "3"]
    arguments += ["--probes", "0", "--resamples", "20", "--names", "--all-variants"]
    assert main(arguments) == 0
    found = json.loads(out.read_text("utf-8"))
    assert found["n_read"] == 3
    assert found["bundle"] == {"name": "tiny", "version": "0.0.1"}
    printed = capsys.readouterr().out
    assert "variant tiny" in printed
    assert "1 films, adults, of 1 patients (Normal 1)" in printed
    assert "VGG16" in printed


def test_the_plain_command_is_as_before(folder, capsys):
    assert main(["inspect", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("15 films, digest ")


def test_an_unknown_variant_is_wrong_usage(folder, tiny_bundle_dir, tmp_path, capsys):
    arguments = ["inspect", str(folder), "--audit", str(tmp_path / "a.json")]
    arguments += ["--bundle", str(tiny_bundle_dir), "--variant", "other"]
    assert main(arguments) == 2
    assert "`variant` must be one of" in capsys.readouterr().err


def test_an_unreadable_film_changes_the_exit_status(folder, tmp_path, capsys):
    (folder / "test" / "COVID19" / "cut.png").write_bytes(b"\x89PNG")
    arguments = ["inspect", str(folder), "--audit", str(tmp_path / "a.json"), "--without-models"]
    assert main([*arguments, "--resamples", "10"]) == 1
    assert "1 files could not be read and take no part" in capsys.readouterr().err


def test_a_folder_without_films_and_a_place_that_cannot_be_written(tmp_path, capsys):
    out = ["--audit", str(tmp_path / "a.json"), "--without-models"]
    assert main(["inspect", str(tmp_path / "none"), *out]) == 1
    assert "must hold films, one folder a class" in capsys.readouterr().err
    assert main(["inspect", str(tmp_path), "--audit", str(tmp_path)]) == 1
    assert "could not be written" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--films", "0"], ["--probes", "-1"], ["--resamples", "x"]])
def test_wrong_numbers(folder, option):
    assert main(["inspect", str(folder), "--audit", "a.json", *option]) == 2
