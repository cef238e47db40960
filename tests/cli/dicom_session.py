"""One session with planted films, run by `test_dicom_session` in a process with a home of its own.

Arguments: folder of the films, folder for what is asked for, bundle. Everything that any logger
says, at any level, goes to `log` in the home.
"""

from __future__ import annotations

import logging
import os
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
# a package in site-packages calls itself `tests` too, and would win over a folder
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [str(ROOT / "tests")]

from cxr_core.__main__ import main  # noqa: E402


def commands(films, asked, bundle):
    """Read, explain, evaluate and clean the films, and write them as DICOM objects."""
    paths = [str(path) for path in sorted((films / "NORMAL").iterdir())]
    options = ["--bundle", str(bundle)]
    main(["predict", *paths, "--json", "--explain", str(asked / "explain"), *options])
    main(["predict", *paths, *options])
    main(["report", *paths, "--out", str(asked / "reports"), *options])
    main(["report", *paths, "--out", str(asked / "reports" / "all.pdf"), *options])
    good = str(films.parent / "good")
    main(["evaluate", good, "--out", str(asked / "e.json"), "--resamples", "20", *options])
    for suffix in ("csv", "jsonl", "parquet"):  # the names of files are part of a table
        main(["score", good, "--out", str(asked / f"scores.{suffix}"), *options])
    main(["deidentify", str(films), str(asked / "clean")])
    main(["dicom-out", *paths, "--out", str(asked / "objects"), "--deidentify", *options])
    # these go back into the study and hold its identifiers; what is said while they are made, not
    main(["dicom-out", *paths, "--out", str(films.parent / "objects"), *options])


def dashboard(films):
    """Upload every film, open its header, go through the pages."""
    from streamlit.testing.v1 import AppTest

    import ui.model_cache
    from tests.app.fakes import FakePredictor

    fake = FakePredictor()
    ui.model_cache.load = lambda: fake
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    for path in sorted((films / "NORMAL").iterdir()):
        at.file_uploader[0].upload(path.name, path.read_bytes())
    at.run()
    for film in at.session_state["films"].films:
        at.session_state[f"header-{film.digest[:16]}"] = True
    at.run()
    assert not at.exception
    assert len(at.dataframe) >= 2
    for page in ("1_Compare", "2_Heatmaps"):
        at.switch_page(f"pages/{page}.py").run()
        assert not at.exception


if __name__ == "__main__":
    logging.basicConfig(filename=Path(os.environ["HOME"]) / "log", level=logging.DEBUG)
    folder, asked_for, tiny_bundle = map(Path, sys.argv[1:])
    commands(folder, asked_for, tiny_bundle)
    dashboard(folder)
    sys.stdout.write("done\n")
