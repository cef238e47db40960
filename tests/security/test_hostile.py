"""A hostile film or bundle: what it does not get."""

from __future__ import annotations

import json
import subprocess

import pytest

from cxr_core.bundle import MANIFEST, Bundle
from cxr_core.errors import ArtifactIntegrityError, CxrError
from cxr_core.io.dicom import frame
from ui.components.bundle_tables import without_pictures


def test_the_process_that_decodes_has_no_secret(monkeypatch):
    """A hole in a codec would give its code the environment of the process."""
    monkeypatch.setenv("CXR_API_TOKEN", "0123456789abcdef")
    monkeypatch.setenv("CXR_DICOMWEB_PASSWORD", "0123456789abcdef")
    given = {}

    def run(command, **options):
        given.update(options, command=command)
        return subprocess.CompletedProcess(command, 1, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    layout = frame.Layout.__new__(frame.Layout)
    for name in ("rows", "columns", "samples", "allocated", "stored"):
        object.__setattr__(layout, name, 8 if name in ("allocated", "stored") else 1)
    object.__setattr__(layout, "photometric", "MONOCHROME2")
    with pytest.raises(ValueError, match="a damaged codestream"):
        frame._decode_apart(b"", layout, "1.2.840.10008.1.2.4.70", "film")
    assert set(given["env"]) <= {"PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONHOME"}
    assert "-I" in given["command"]
    assert given["timeout"] > 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://films.example/x.png)", "[x](https://films.example/x.png)"),
        ("a ![ref][1] b", "a [ref][1] b"),
        ("!![x](u)", "[x](u)"),
        ("Careful! [link](u) and wow!", "Careful! [link](u) and wow!"),
    ],
)
def test_a_card_makes_no_browser_fetch_a_picture(text, shown):
    assert without_pictures(text) == shown


def test_a_link_in_a_bundle_shows_no_other_file(own_bundle_dir, tmp_path):
    (tmp_path / "private").write_text("a secret of the server", "utf-8")
    (own_bundle_dir / "MODEL_CARD.md").unlink()
    (own_bundle_dir / "MODEL_CARD.md").symlink_to(tmp_path / "private")
    with pytest.raises(ArtifactIntegrityError, match=r"MODEL_CARD\.md") as caught:
        Bundle.load(own_bundle_dir)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("path", ["../private", "/etc/passwd", "a/../../private", "..\\private"])
def test_a_bundle_names_no_file_outside(own_bundle_dir, path):
    manifest = json.loads((own_bundle_dir / MANIFEST).read_text("utf-8"))
    manifest["files"][path] = {"sha256": "0" * 64, "bytes": 3}
    (own_bundle_dir / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(CxrError, match="must stay in its folder"):
        Bundle.load(own_bundle_dir)


def test_a_folder_that_is_no_bundle_tells_nothing_of_its_files(tmp_path):
    (tmp_path / MANIFEST).write_text('{"schema": 1, "password": "a secret"}', "utf-8")
    with pytest.raises(CxrError) as caught:
        Bundle.load(tmp_path)
    assert "secret" not in str(caught.value)
