"""`score` on the command line: one table whatever happens, exit status, provenance."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from pyarrow import parquet

from cxr_core.__main__ import main
from cxr_core.batch.run import about_path, journal_path
from cxr_core.batch.scorer import N_DECODERS
from cxr_core.batch.table import columns
from cxr_core.labels import SYSTEMS
from tests.conftest import write_film

ROOT = Path(__file__).resolve().parents[2]
N_FILMS = 12


@pytest.fixture
def folder(tmp_path):
    """Films, one of them twice and one damaged."""
    path = tmp_path / "films"
    path.mkdir()
    for n in range(N_FILMS):
        write_film(path / f"{n:02}.png", seed=n)
    (path / "03-again.png").write_bytes((path / "03.png").read_bytes())
    (path / "05-cut.png").write_bytes((path / "05.png").read_bytes()[:200])
    return path


@pytest.fixture
def run(tiny_bundle_dir, capsys):
    def run_score(*arguments):
        status = main(["score", *map(str, arguments), "--bundle", str(tiny_bundle_dir)])
        return status, capsys.readouterr()

    return run_score


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_a_file(run, folder, tmp_path):
    out = tmp_path / "new" / "results.csv"
    status, printed = run(folder, "--out", out)
    assert status == 1  # one file is in error
    rows = rows_of(out)
    assert tuple(rows[0]) == columns(SYSTEMS)
    assert [row["file"] for row in rows] == sorted(path.name for path in folder.iterdir())
    assert [row["file"] for row in rows if row["status"] == "error"] == ["05-cut.png"]
    assert "in error: 05-cut.png: `data` must be a complete PNG" in printed.err
    assert "14 of 14 files" in printed.err
    assert "14 files: 13 read, 0 refused by the gate, 1 in error." in printed.out
    assert "Research use only." in printed.out
    assert not list(out.parent.glob("*.part"))


def test_where_the_numbers_come_from(run, folder, tmp_path, tiny_bundle_dir):
    (folder / "notes.txt").write_text("x", "utf-8")
    out = tmp_path / "results.csv"
    run(folder, "--out", out)
    about = json.loads(about_path(out).read_text("utf-8"))
    assert about["schema"] == "cxr-score/1"
    assert set(about["bundle"]) == {"name", "version", "digest"}
    assert (about["variant"], about["precision"]) == ("tiny", "f32")
    assert about["calibrated"] == dict.fromkeys(SYSTEMS, False)
    assert about["n_by_status"] == {"ok": 13, "refused": 0, "error": 1}
    assert about["n_left_out"] == 1
    (error,) = about["errors"]
    assert (error["file"], error["type"]) == ("05-cut.png", "UnreadableImageError")
    assert error["hint"]


def test_the_probabilities_are_those_of_predict(run, folder, tmp_path, tiny_bundle_dir, capsys):
    out = tmp_path / "results.csv"
    run(folder, "--out", out)
    film = folder / "07.png"
    main(["predict", str(film), "--json", "--bundle", str(tiny_bundle_dir)])
    (result,) = json.loads(capsys.readouterr().out)["results"]
    (row,) = [row for row in rows_of(out) if row["file"] == "07.png"]
    assert row["sha256"] == result["sha256"]
    assert float(row["agreement"]) == result["trust"]["agreement"]
    for system, entry in result["systems"].items():
        assert row[f"{system}_label"] == entry["label"]
        for name, probability in entry["probabilities"].items():
            assert float(row[f"{system}_{name}"]) == probability


def test_parquet_json_lines_and_an_archive(run, folder, tmp_path):
    archive = tmp_path / "films.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, path.name)
    tables = {}
    for suffix, source in ((".csv", folder), (".parquet", archive), (".jsonl", archive)):
        out = tmp_path / f"results{suffix}"
        assert run(source, "--out", out, "--workers", 3)[0] == 1
        tables[suffix] = out
    frame = parquet.read_table(tables[".parquet"])
    lines = [json.loads(line) for line in tables[".jsonl"].read_text("utf-8").splitlines()]
    assert frame.to_pylist() == lines
    assert json.loads(frame.schema.metadata[b"cxr_score"])["variant"] == "tiny"
    rows = rows_of(tables[".csv"])
    assert [float(row["vgg16_NORMAL"]) for row in rows if row["vgg16_NORMAL"]] == [
        line["vgg16_NORMAL"] for line in lines if line["status"] == "ok"
    ]


def test_all_well_is_status_zero(run, film_path, tmp_path):
    status, _ = run(film_path, "--out", tmp_path / "r.csv")
    assert (status, rows_of(tmp_path / "r.csv")[0]["file"]) == (0, str(film_path))


@pytest.mark.parametrize(
    "arguments",
    [[], ["films"], ["--out", "r.csv"], ["films", "--out", "r.xlsx"], ["films", "--out", "r.csv",
     "--workers", "0"], ["films", "--out", "r.csv", "--variant", "best"]],
)  # fmt: skip
def test_wrong_usage_is_status_two(run, arguments, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    status, printed = run(*arguments)
    assert status == 2
    assert printed.err
    assert not list(tmp_path.glob("r.*"))


def test_a_folder_without_films_and_one_that_is_not_there(run, tmp_path):
    (tmp_path / "empty").mkdir()
    status, printed = run(tmp_path / "empty", "--out", tmp_path / "r.csv")
    assert status == 1
    assert "`sources` must hold films" in printed.err
    assert not (tmp_path / "r.csv").exists()
    assert run(tmp_path / "gone", "--out", tmp_path / "r.csv")[0] == 1
    (row,) = rows_of(tmp_path / "r.csv")
    assert (row["status"], row["error_type"]) == ("error", "UnreadableImageError")


def test_a_refused_archive_is_one_row(run, tmp_path):
    (tmp_path / "films.zip").write_bytes(b"no archive")
    assert run(tmp_path / "films.zip", "--out", tmp_path / "r.csv")[0] == 1
    (row,) = rows_of(tmp_path / "r.csv")
    assert (row["file"], row["error_type"]) == ("films.zip", "ArchiveError")


def test_many_errors_are_not_all_printed(run, folder, tmp_path):
    for n in range(30):
        (folder / f"bad-{n:02}.png").write_bytes(b"x")
    _, printed = run(folder, "--out", tmp_path / "r.csv")
    assert printed.err.count("in error: ") == 20
    assert "and 11 more, all in r.csv.about.json" in printed.err


def test_a_place_that_cannot_be_written(run, folder, tmp_path):
    (tmp_path / "taken").write_text("x", "utf-8")
    status, printed = run(folder, "--out", tmp_path / "taken" / "r.csv")
    assert status == 1
    assert "could not be written" in printed.err


def test_writing_into_the_folder_that_is_read(run, folder, tmp_path):
    first = tmp_path / "r.csv"
    run(folder, "--out", first)
    for suffix in (".csv", ".parquet", ".jsonl"):
        run(folder, "--out", folder / f"r{suffix}")
    run(folder, "--out", folder / "r.csv", "--resume")
    assert (folder / "r.csv").read_bytes() == first.read_bytes()


KILLS = {
    "in the middle of a line": """
import cxr_core.batch.journal as journal
append, n = journal.Journal._append, [0]
def half(self, line):
    n[0] += 1
    if n[0] == 5:
        self._file.write(line[: len(line) // 2])
        kill()
    append(self, line)
journal.Journal._append = half
""",
    "between two films": """
import cxr_core.batch.run as run
write, n = run.TableFile.write, [0]
def some(self, record):
    n[0] += 1
    if n[0] == 9:
        kill()
    write(self, record)
run.TableFile.write = some
""",
    "before the table has its name": """
import cxr_core.batch.run as run
import pathlib
replace, n = pathlib.Path.replace, [0]
def second(self, target):
    n[0] += 1
    if n[0] == 2:
        kill()
    return replace(self, target)
pathlib.Path.replace = second
""",
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("when", KILLS)
def test_killed_and_resumed_gives_the_same_table(
    run, folder, tmp_path, tiny_bundle_dir, when, suffix, monkeypatch
):
    whole, out = (tmp_path / name / f"results{suffix}" for name in ("whole", "killed"))
    run(folder, "--out", whole)
    arguments = ["score", str(folder), "--out", str(out), "--bundle", str(tiny_bundle_dir)]
    script = (
        "import os, signal\n"
        "def kill():\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{KILLS[when]}\nfrom cxr_core.__main__ import main\nmain({arguments!r})\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    n_known = journal_path(out).read_bytes().count(b'\n{"sha256"') - (when == next(iter(KILLS)))
    assert n_known > 0

    from cxr_core.predict import Predictor

    answer, answered = Predictor.answer, []
    monkeypatch.setattr(
        Predictor, "answer", lambda self, film: answered.append(film) or answer(self, film)
    )
    assert run(folder, "--out", out, "--resume")[0] == 1
    assert out.read_bytes() == whole.read_bytes()
    assert about_path(out).read_bytes() == about_path(whole).read_bytes()
    assert len(answered) == N_FILMS - n_known
    assert not list(out.parent.glob("*.part"))


def test_killed_at_any_moment(run, folder, tmp_path, tiny_bundle_dir):
    """A plain `kill -9` from outside, as soon as the journal holds a film."""
    whole, out = (tmp_path / name / "results.csv" for name in ("whole", "killed"))
    run(folder, "--out", whole)
    command = [sys.executable, "-m", "cxr_core", "score", str(folder), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--bundle", str(tiny_bundle_dir)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    journal = journal_path(out)
    while time.monotonic() < deadline and process.poll() is None:
        if journal.is_file() and journal.read_bytes().count(b"\n") > 2:
            process.kill()
    process.wait(60)
    run(folder, "--out", out, "--resume")
    assert out.read_bytes() == whole.read_bytes()


def test_resume_with_other_models_reads_again(run, folder, tmp_path, tiny_bundle_dir, monkeypatch):
    out = tmp_path / "r.csv"
    run(folder, "--out", out)
    journal = journal_path(out)
    journal.write_bytes(journal.read_bytes().replace(b'"tiny"', b'"seed"', 1))
    _, printed = run(folder, "--out", out, "--resume")
    assert "The journal held" not in printed.out
    assert run(folder, "--out", out, "--resume")[1].out.count("The journal held 12 readings.") == 1


def test_films_that_were_added_alone_are_read(run, folder, tmp_path):
    out = tmp_path / "r.csv"
    run(folder, "--out", out)
    write_film(folder / "99.png", seed=99)
    run(folder, "--out", out, "--resume")
    assert len(rows_of(out)) == N_FILMS + 3
    assert journal_path(out).read_bytes().count(b'\n{"sha256"') == N_FILMS + 1


def test_control_c_says_how_to_go_on(run, folder, tmp_path, tiny_bundle_dir):
    out = tmp_path / "r.csv"
    arguments = ["score", str(folder), "--out", str(out), "--bundle", str(tiny_bundle_dir)]
    script = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def kill():\n    os.kill(os.getpid(), signal.SIGINT)\n"
        f"{KILLS['between two films']}\nfrom cxr_core.__main__ import main\n"
        f"sys.exit(main({arguments!r}))\n"
    )
    stopped = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert stopped.returncode == 1
    assert "r.csv.journal.jsonl: go on with --resume" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not out.exists()
    assert run(folder, "--out", out, "--resume")[0] == 1
    assert len(rows_of(out)) == N_FILMS + 2


def test_a_score_loads_neither_tensorflow_nor_pandas(folder, tmp_path, tiny_bundle_dir):
    arguments = ["score", str(folder), "--out", str(tmp_path / "r.csv")]
    script = (
        "from cxr_core.__main__ import main\n"
        f"main([*{arguments!r}, '--bundle', {str(tiny_bundle_dir)!r}])\n"
        "import sys\nprint(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "openvino" in loaded
    assert not loaded & {"tensorflow", "keras", "streamlit", "pandas", "sklearn", "pyarrow"}


@pytest.mark.parametrize(("given", "expected"), [([], N_DECODERS), (["--workers", "5"], 5)])
def test_how_many_threads_decode(run, film_path, tmp_path, monkeypatch, given, expected):
    seen = []

    def stop(*_, n_decoders, **__):
        seen.append(n_decoders)
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr_core.command.score.write_scores", stop)
    assert run(film_path, "--out", tmp_path / "r.csv", *given)[0] == 1
    assert seen == [expected]


@pytest.mark.parametrize("length", [246, 296])
def test_a_name_that_is_too_long_is_said(run, film_path, tmp_path, length):
    """The second is too long itself, the first only with what is added for the journal."""
    status, printed = run(film_path, "--out", tmp_path / f"{'x' * length}.csv")
    assert status == 1
    assert "File name too long" in printed.err
    assert list(tmp_path.glob("x*")) == []
