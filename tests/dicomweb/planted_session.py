"""One session with a server of planted films, run by `test_planted` in a process of its own.

Arguments: folder for what is asked for, bundle. Everything that any logger says, at any level, goes
to `log` in the home.
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
from tests.dicomweb.fake_server import FakeServer, send  # noqa: E402
from tests.io.dicom_files import gradient, written  # noqa: E402
from tests.io.dicom_planted import FIRST, NUMBER, UID, planted_film  # noqa: E402

SEARCHED = {"--patient-id": NUMBER, "--accession": f"{FIRST}*", "--from": "1900-01-01"}
TROUBLE = (
    lambda handler: send(handler, 401) is None,
    lambda handler: send(handler, 500, f"{FIRST} {NUMBER}".encode()) is None,
    lambda handler: send(handler, 200, f"{FIRST} {NUMBER}".encode()) is None,
    lambda handler: send(handler, 302, Location=f"http://127.0.0.1/{NUMBER}") is None,
    lambda handler: garbled(handler) is None,
    lambda handler: setattr(handler, "close_connection", True) is None,
)


def garbled(handler):
    """Send a head that is none, and hang up."""
    handler.wfile.write(f"HTTP/1.1 200 OK\r\n{FIRST}\r\n\r\n".encode())
    handler.close_connection = True


def films():
    """Two films with a name or number in every element that can hold one."""
    ready = {"ViewPosition": "PA", "BodyPartExamined": "CHEST", "PatientOrientation": ["L", "F"]}
    ready |= {"StudyInstanceUID": UID, "SeriesInstanceUID": f"{UID}.2", "Modality": "CR"}
    ready |= {"PatientID": NUMBER, "AccessionNumber": f"{FIRST} {NUMBER}"}
    for n in (1, 2):
        pixels = gradient((200 + n, 180), bits=12)
        yield written(planted_film(pixels, SOPInstanceUID=f"{UID}.{n}", **ready))


def commands(server, asked, bundle):
    """List, score and store, in good times and in bad."""
    options = ["--bundle", str(bundle)]
    searched = [word for pair in SEARCHED.items() for word in pair]
    assert main(["dicomweb", "list"]) == 0
    assert main(["dicomweb", "list", "--json", *searched]) == 0
    assert main(["dicomweb", "score", "--out", str(asked / "r.csv"), *options]) == 0
    path = asked.parent / "given.dcm"
    path.write_bytes(next(films()))
    assert main(["dicomweb", "store", str(path)]) == 0
    for behave in TROUBLE:
        server.behave = behave
        main(["dicomweb", "list", *searched, "--study", UID])
        main(["dicomweb", "store", str(path)])
    server.behave = lambda handler: "/instances/" in handler.path and send(handler, 404) is None
    main(["dicomweb", "score", "--out", str(asked / "lost.csv"), *options])
    server.behave = None


def dashboard(server):
    """Search, open, store, and meet trouble."""
    from streamlit.testing.v1 import AppTest

    import ui.model_cache
    from tests.app.fakes import FakePredictor
    from ui.server import connect

    fake = FakePredictor()
    ui.model_cache.load = lambda: fake
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    at.text_input(key="server-0-patient").set_value(NUMBER)
    at.button(key="server-0-search").click().run()
    assert len(at.dataframe[0].value) == 1
    selected = {"rows": [0], "columns": [], "cells": []}
    at.session_state["server-0-studies"] = {"selection": selected}
    at.run()
    at.button(key="server-0-open").click().run()
    assert len(at.session_state["films"].films) == 2
    digest = at.session_state["films"].films[0].digest[:16]
    for behave in (None, *TROUBLE):
        server.behave = behave
        at.button(key=f"store-{digest}").click().run()
        assert not at.exception
        assert bool(at.success) == (behave is None)
    for behave in TROUBLE:
        server.behave = behave
        at.button(key="server-0-search").click().run()
        assert not at.exception
    connect().close()


if __name__ == "__main__":
    logging.basicConfig(filename=Path(os.environ["HOME"]) / "log", level=logging.DEBUG)
    asked_for, tiny_bundle = map(Path, sys.argv[1:])
    running = FakeServer(*films())
    running.token = f"Bearer {os.environ['CXR_DICOMWEB_TOKEN']}"
    os.environ["CXR_DICOMWEB_URL"] = running.url
    commands(running, asked_for, tiny_bundle)
    dashboard(running)
    running.stop()
    sys.stdout.write("done\n")
