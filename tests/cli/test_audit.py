"""`inspect --audit` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxr_core.__main__ import main
from cxr_core.audit.overlap import FingerprintIndex
from cxr_core.audit.plan import AuditSettings, External
from cxr_core.errors import TrainingDataError
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


def test_help_tells_what_an_audit_does_unless_told_otherwise(capsys):
    """The command leaves these to `AuditSettings`, so its help must say the same."""
    assert main(["inspect", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    untold = AuditSettings()
    assert f"films that are put to the probes ({untold.n_probed})" in said
    assert f"seed of all draws ({untold.seed})" in said
    assert f"resamples of patients for the intervals ({untold.n_resamples})" in said
    assert "folder of a bundle (the published one)" in said


@pytest.fixture
def asked(monkeypatch):
    """What the audit is asked to do; nothing is measured."""
    seen = []

    def stop(folder, tools, *, external, settings, **_):
        seen.append((external, settings))
        raise TrainingDataError("enough")

    monkeypatch.setattr("cxr_core.audit.folder.audit_folder", stop)
    return seen


def test_what_is_not_given_is_filled_in(asked, tmp_path):
    arguments = ["inspect", "films", "--audit", str(tmp_path / "a.json"), "--without-models"]
    assert main(arguments) == 1
    assert main([*arguments, "--seed", "0", "--resamples", "9", "--names"]) == 1
    assert asked == [
        (None, AuditSettings()),
        (None, AuditSettings(seed=0, n_resamples=9, names=True)),
    ]


def test_the_models_are_filled_in(asked, monkeypatch, tiny_bundle_dir, tmp_path):
    loaded = []
    monkeypatch.setattr("cxr_core.command.audit.DEFAULT_BUNDLE", tiny_bundle_dir)
    monkeypatch.setattr(
        "cxr_core.audit.systems_reader.SystemsReader.load",
        lambda bundle, variants, *, precision: loaded.append((bundle.name, variants, precision)),
    )
    arguments = ["inspect", "films", "--audit", str(tmp_path / "a.json"), "--external", "adults"]
    assert main([*arguments, "--probes", "0", "--films", "7"]) == 1
    assert main([*arguments, "--precision", "bf16"]) == 1
    assert loaded == [("tiny", ("tiny",), "f32"), ("tiny", ("tiny",), "bf16")]
    external, settings = asked[0]
    assert external == External(Path("adults"), "of adults")
    assert settings == AuditSettings(n_read=7, n_probed=0)


NO_AUDIT = "must come with --audit or --fingerprints"
OPTIONS = {
    "--external": ["elsewhere"],
    "--external-title": ["adults"],
    "--films": ["3"],
    "--probes": ["0"],
    "--seed": ["0"],
    "--resamples": ["2"],
    "--names": [],
    "--without-models": [],
    "--all-variants": [],
    "--bundle": ["bundle"],
    "--variant": ["clean"],
    "--precision": ["f32"],
}


@pytest.mark.parametrize("option", OPTIONS)
def test_options_of_an_audit_need_one(folder, capsys, option):
    assert main(["inspect", str(folder), option, *OPTIONS[option]]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"error: {option} {NO_AUDIT}\n"
    assert printed.out == ""


def test_every_option_of_an_audit_is_looked_at(capsys):
    """An option that is added must be added to the table above, and so to the check."""
    from cxr_core.command.table import make_parser

    known = vars(make_parser("inspect").parse_args(["inspect", "films"]))
    others = {"run", "folder", "json", "audit", "fingerprints"}
    assert {f"--{name.replace('_', '-')}" for name in known.keys() - others} == set(OPTIONS)
    assert {known[name] for name in known.keys() - {"run", "folder"}} == {None, False}


WITHOUT = "must come without --without-models"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--audit a.json --json", "--json must come without --audit and --fingerprints"),
        ("--fingerprints f --json", "--json must come without --audit and --fingerprints"),
        ("--audit a.json --external-title x", "--external-title must come with --external"),
        ("--fingerprints f --names", "--names must come with --audit"),
        ("--audit a.json --without-models --films 1", f"--films {WITHOUT}"),
        ("--audit a.json --without-models --probes 0", f"--probes {WITHOUT}"),
        ("--audit a.json --without-models --all-variants", f"--all-variants {WITHOUT}"),
        ("--audit a.json --without-models --bundle b", f"--bundle {WITHOUT}"),
        ("--audit a.json --without-models --variant v", f"--variant {WITHOUT}"),
        ("--audit a.json --without-models --precision bf16", f"--precision {WITHOUT}"),
        (
            "--audit a.json --all-variants --variant v",
            "--variant must come without --all-variants",
        ),
    ],
)
def test_options_that_do_not_go_together(folder, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", str(folder), *arguments.split()]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["films"]


def test_a_name_that_is_too_long_is_said_before_anything_is_read(asked, tmp_path, capsys):
    for option in ("--audit", "--fingerprints"):
        assert main(["inspect", "films", option, str(tmp_path / ("x" * 300))]) == 1
        assert "could not be written: File name too long" in capsys.readouterr().err
    assert asked == []
