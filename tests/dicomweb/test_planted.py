"""All that a session with a server leaves behind, read: no name, number, address or token."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_dicom_session import contents
from tests.io.dicom_planted import PLANTED, UID

SCRIPT = Path(__file__).with_name("planted_session.py")
TOKEN = "t0ken-0f-the-server"  # noqa: S105


@pytest.mark.slow
def test_nothing_of_a_patient_or_of_the_way_in_is_left_behind(tmp_path, tiny_bundle_dir):
    home, asked, work = (tmp_path / name for name in ("home", "asked", "work"))
    for folder in (home, asked, work):
        folder.mkdir()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CXR_DICOMWEB_TOKEN": TOKEN,
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(asked), str(tiny_bundle_dir)],
        cwd=work,
        env=environment,
        capture_output=True,
        check=False,
        timeout=300,
    )
    said = done.stdout + done.stderr
    assert done.stdout.endswith(b"done\n"), said.decode()[-3000:]
    left = {path for folder in (home, asked, work) for path in folder.rglob("*")}
    files = sorted(path for path in left if path.is_file())
    assert (home / "log").stat().st_size > 0
    assert (asked / "r.csv").stat().st_size > 0
    held = {path: contents(path) for path in files if "pycache" not in path.parts}
    for word in (*PLANTED, UID, TOKEN, "dicom-web/", "PatientID="):
        assert word.encode() not in said, word
        assert not [path for path in left if word in path.name], word
        holders = [path for path, data in held.items() if word.encode() in data]
        assert not holders, (word, holders)
