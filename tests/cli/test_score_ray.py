"""`score --ray`: the table of one process, byte for byte, whatever is killed in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_core.__main__ import main
from tests.batch.films import mixed_folder
from tests.conftest import write_film

ROOT = Path(__file__).resolve().parents[2]
N_FILMS = 40
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_without_ray_the_command_says_what_to_install(
    tmp_path, film_path, tiny_bundle_dir, capsys, monkeypatch
):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setitem(sys.modules, "ray", None)
    out = tmp_path / "r.csv"
    arguments = ["score", str(film_path), "--out", str(out), "--bundle", str(tiny_bundle_dir)]
    assert main([*arguments, "--ray"]) == 1
    assert "pip install -r requirements-ray.txt" in capsys.readouterr().err
    assert list(tmp_path.glob("r.csv*")) == []
    assert main(arguments) == 0


@pytest.mark.parametrize("option", ["--ray-models", "--ray-threads", "--ray-block"])
def test_options_of_a_cluster_need_ray(tmp_path, film_path, capsys, option):
    arguments = ["score", str(film_path), "--out", str(tmp_path / "r.csv")]
    assert main([*arguments, option, "2"]) == 2
    assert f"error: {option} must come with --ray" in capsys.readouterr().err
    assert main([*arguments, "--ray", option, "0"]) == 2


def test_threads_of_one_process_do_not_go_with_ray(tmp_path, film_path, capsys):
    arguments = ["score", str(film_path), "--out", str(tmp_path / "r.csv"), "--ray"]
    assert main([*arguments, "--workers", "8"]) == 2
    assert capsys.readouterr().err == "error: --workers must come without --ray\n"
    assert list(tmp_path.glob("r.csv*")) == []


needs_ray = pytest.mark.usefixtures("ray")


@pytest.fixture(scope="module")
def ray():
    """Ray is installed; where it is not, `make test-all` says so."""
    pytest.importorskip("ray", reason="requirements-ray.txt is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return mixed_folder(tmp_path_factory.mktemp("many") / "films", N_FILMS)


def score(folder, out, bundle_dir, *options):
    command = [sys.executable, "-m", "cxr_core", "score", str(folder), "--out", str(out)]
    return subprocess.run(
        [*command, "--bundle", str(bundle_dir), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def plain(folder, tiny_bundle_dir, tmp_path_factory):
    """The table of one process."""
    out = tmp_path_factory.mktemp("plain") / "r.parquet"
    assert score(folder, out, tiny_bundle_dir).returncode == 1  # some files are in error
    return out


def assert_equal_tables(out, plain):
    assert out.read_bytes() == plain.read_bytes()
    about = [Path(f"{path}.about.json").read_bytes() for path in (out, plain)]
    assert about[0] == about[1]


def parts_of(out):
    return sorted(Path(f"{out}.parts").glob("part-*.parquet"))


@pytest.mark.slow
@needs_ray
def test_the_same_table_and_only_new_films_are_read_again(folder, plain, tiny_bundle_dir, tmp_path):
    out = tmp_path / "r.parquet"
    done = score(folder, out, tiny_bundle_dir, "--ray", "--ray-block", "7")
    assert done.returncode == 1, done.stderr
    assert_equal_tables(out, plain)
    assert "Traceback" not in done.stderr
    before = parts_of(out)

    own = Path(shutil.copytree(folder, tmp_path / "films"))
    write_film(own / "zz.png", seed=77)
    done = score(own, out, tiny_bundle_dir, "--ray", "--resume")
    assert "The parts held 41 readings." in done.stdout
    (new,) = set(parts_of(out)) - set(before)
    from pyarrow import parquet

    assert parquet.read_table(new).column("file").to_pylist() == ["zz.png"]
    expected = tmp_path / "expected.parquet"
    score(own, expected, tiny_bundle_dir)
    assert_equal_tables(out, expected)


def goes_on_after_a_kill(folder, out, plain, bundle, sessions):
    """A killed run left parts and no table; the same command ends as an unbroken one."""
    assert not out.exists()
    assert len(parts_of(out)) > 2
    done = score(folder, out, bundle, "--ray", "--resume")
    assert "The parts held" in done.stdout
    assert_equal_tables(out, plain)
    for session in sessions:
        assert not processes_of(session)
        shutil.rmtree(session, ignore_errors=True)


@pytest.mark.slow
@needs_ray
def test_the_whole_run_killed_and_resumed(folder, plain, tiny_bundle_dir, tmp_path):
    out = tmp_path / "r.parquet"
    before = set(Path("/tmp").glob("cxr-ray-*"))  # noqa: S108
    command = [sys.executable, "-m", "cxr_core", "score", str(folder), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--bundle", str(tiny_bundle_dir), "--ray", "--ray-block", "2"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None and len(parts_of(out)) < 3:
            time.sleep(0.05)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(60)
    assert process.returncode == -signal.SIGKILL
    sessions = set(Path("/tmp").glob("cxr-ray-*")) - before  # noqa: S108
    goes_on_after_a_kill(folder, out, plain, tiny_bundle_dir, sessions)


@pytest.mark.slow
@needs_ray
def test_the_whole_run_killed_between_parts_and_resumed(folder, plain, tiny_bundle_dir, tmp_path):
    out = tmp_path / "r.parquet"
    before = set(Path("/tmp").glob("cxr-ray-*"))  # noqa: S108
    printed = run_script(tmp_path, KILLED_WHOLE, folder, out, tiny_bundle_dir)
    assert "killed at" in printed
    sessions = set(Path("/tmp").glob("cxr-ray-*")) - before  # noqa: S108
    goes_on_after_a_kill(folder, out, plain, tiny_bundle_dir, sessions)


def processes_of(session):
    """Processes that name a folder on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(session).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


KILLED_WHOLE = """
import os, signal, sys
from pathlib import Path

from cxr_core.batch.cluster import Cluster
from cxr_core.batch.plan import Plan
from cxr_core.bundle import Bundle
from cxr_core.ray_batch import write_scores

films, out, bundle_dir = sys.argv[1:]


def die(progress):
    if progress.n_read > 4:
        print("killed at", progress.n_done, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    plan = Plan(Bundle.load(bundle_dir).digest, "tiny", folder=bundle_dir)
    write_scores(plan, [films], Path(out), cluster=Cluster(n_block=2), on_progress=die)
"""

KILLED = """
import os, signal, sys
from pathlib import Path

from cxr_core.batch.cluster import Cluster
from cxr_core.batch.plan import Plan, load_predictor
from cxr_core.bundle import Bundle
from cxr_core.ray_batch import write_scores

films, out, bundle_dir, mark = sys.argv[1:]


def load(plan):
    predictor = load_predictor(plan)
    answer, asked = predictor.answer, []

    def dies_once(prepared):
        asked.append(prepared)
        if len(asked) == 5 and not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer(prepared)

    predictor.answer = dies_once
    return predictor


if __name__ == "__main__":
    plan = Plan(Bundle.load(bundle_dir).digest, "tiny", folder=bundle_dir)
    write_scores(plan, [films], Path(out), cluster=Cluster(n_block=7), load=load)
"""

LOST_MACHINE = """
import os, shutil, sys, tempfile

os.environ["RAY_AUTH_MODE"] = "disabled"
from pathlib import Path

from cxr_core.batch.cluster import Cluster, import_ray
from cxr_core.batch.plan import Plan
from cxr_core.bundle import Bundle
from cxr_core.ray_batch import write_scores

films, out, bundle_dir = sys.argv[1:]

if __name__ == "__main__":
    import_ray("auto")
    from ray.cluster_utils import Cluster as Machines

    folder = tempfile.mkdtemp(prefix="cxr-ray-", dir="/tmp")
    head = {"num_cpus": 2, "object_store_memory": 10**8, "temp_dir": f"{folder}/r"}
    machines = Machines(initialize_head=True, head_node_args=head)
    second = [machines.add_node(num_cpus=2, object_store_memory=10**8)]

    def lose(progress):
        if progress.n_done > 8 and second:
            machines.remove_node(second.pop(), allow_graceful=False)
            print("lost at", progress.n_done)

    plan = Plan(Bundle.load(bundle_dir).digest, "tiny", folder=bundle_dir)
    cluster = Cluster(address=machines.address, n_block=2)
    try:
        write_scores(plan, [films], Path(out), cluster=cluster, on_progress=lose)
    finally:
        machines.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
"""

OTHER_BUNDLE = """
import sys

from cxr_core.batch.cluster import check_machines, import_ray, session
from cxr_core.batch.plan import Plan

if __name__ == "__main__":
    import_ray()
    with session("local"):
        try:
            check_machines(Plan("0" * 64, "tiny", folder=sys.argv[1]))
        except Exception as err:
            print(type(err).__name__, err, err.hint)
"""


def run_script(tmp_path, text, *arguments):
    """Run a script in a folder that is not the repository's; return what it printed."""
    script = tmp_path / "run.py"
    script.write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
@needs_ray
def test_an_actor_that_is_killed_is_replaced(folder, plain, tiny_bundle_dir, tmp_path):
    out, mark = tmp_path / "r.parquet", tmp_path / "mark"
    printed = run_script(tmp_path, KILLED, folder, out, tiny_bundle_dir, mark)
    assert mark.exists(), printed
    assert_equal_tables(out, plain)


@pytest.mark.slow
@needs_ray
def test_a_machine_with_another_bundle_is_an_error_of_its_own(tiny_bundle_dir, tmp_path):
    printed = run_script(tmp_path, OTHER_BUNDLE, tiny_bundle_dir)
    assert "SpecMismatchError Every machine must have the bundle with digest 0000" in printed
    assert "Copy the same bundle folder to every machine." in printed


@pytest.mark.slow
@needs_ray
def test_a_machine_that_is_lost_is_done_without(folder, plain, tiny_bundle_dir, tmp_path):
    """Two machines of one Ray, on this one; the second ends in the middle."""
    out = tmp_path / "r.parquet"
    printed = run_script(tmp_path, LOST_MACHINE, folder, out, tiny_bundle_dir)
    assert "lost at" in printed
    assert_equal_tables(out, plain)
