"""All that a session leaves behind, read: nothing planted in a film is in it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from fpdf import FPDF
from pydicom.uid import ImplicitVRLittleEndian, JPEGBaseline8Bit
from pypdf import PdfReader

from tests.io.dicom_files import dataset, gradient, jpeg, with_frame, written
from tests.io.dicom_planted import PLANTED, UID, planted_film

SCRIPT = Path(__file__).with_name("dicom_session.py")
NAME = "Featherstonehaugh_Rosalind_8675309"


def plant(folder):
    """Films that are read, one that is damaged, and one of another modality."""
    folder.mkdir(parents=True)
    ready = {"ViewPosition": "PA", "BodyPartExamined": "CHEST", "PatientOrientation": ["L", "F"]}
    good = written(planted_film(gradient((200, 180), bits=12), SOPInstanceUID="1.2.1", **ready))
    (folder / f"{NAME}.dcm").write_bytes(good)
    bad_value = planted_film(SOPInstanceUID="1.2.2", **ready)
    (folder / f"{NAME}_2").write_bytes(written(bad_value, ImplicitVRLittleEndian))
    frame = jpeg(gradient(bits=8), comment=b"Rosalind 8675309")
    (folder / "third").write_bytes(with_frame(dataset(gradient(bits=8)), frame, JPEGBaseline8Bit))
    (folder / "cut").write_bytes(good[:-5000])
    (folder / "ct").write_bytes(written(planted_film(Modality="CT")))
    return folder


def contents(path):
    """The bytes of a file, and of what is packed in it."""
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            data += b"".join(packed.read(name) for name in packed.namelist())
    if data.startswith(b"%PDF"):
        pdf = PdfReader(path)  # not its own bytes: its table of offsets holds any number
        told = [page.extract_text() for page in pdf.pages]
        told += [str(pdf.get_object(number)) for number in pdf.xref[0]]
        data = " ".join(told).encode()
        data += b"".join(image.data for page in pdf.pages for image in page.images)
    return data


def test_nothing_planted_is_left_behind(tmp_path, tiny_bundle_dir):
    films = plant(tmp_path / "given" / "films" / "NORMAL").parent
    good = tmp_path / "given" / "good" / "NORMAL"
    good.mkdir(parents=True)
    (good / "film").write_bytes((films / "NORMAL" / f"{NAME}.dcm").read_bytes())
    home, asked, work = (tmp_path / name for name in ("home", "asked", "work"))
    for folder in (home, asked, work):
        folder.mkdir()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(films), str(asked), str(tiny_bundle_dir)],
        cwd=work,
        env=environment,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.endswith(b"done\n"), done.stderr.decode()[-3000:]
    # the paths of films that were named on the command line are repeated, and nothing else
    said = (done.stdout + done.stderr).replace(NAME.encode(), b"")
    left = {path for folder in (home, asked, work) for path in folder.rglob("*")}
    files = sorted(path for path in left if path.is_file())
    assert (home / "log").stat().st_size > 0
    assert len(list((asked / "explain").iterdir())) == 3 * 10
    assert len(list((asked / "clean").iterdir())) == 3
    assert len(list((asked / "objects").iterdir())) == 3 * 3
    assert len(list((films.parent / "objects").iterdir())) == 3 * 2
    assert len(list((asked / "reports").iterdir())) == 4
    assert len(list(asked.glob("scores.*"))) == 3 * 3  # table, what it comes from, journal
    for word in (*PLANTED, UID):
        assert word.encode() not in said, word
        assert not [path for path in left if word in path.name], word
        holders = [path for path in files if word.encode() in contents(path)]
        assert not holders, (word, holders)


@pytest.mark.parametrize("kind", ["packed", "pdf", "plain"])
def test_the_search_itself_finds_what_is_there(tmp_path, kind):
    path = tmp_path / "file"
    if kind == "pdf":
        pdf = FPDF()
        pdf.add_page()
        pdf.set_font("Helvetica", size=12)
        pdf.text(10, 10, "Rosalind")
        path.write_bytes(bytes(pdf.output()))
        assert b"Rosalind" not in path.read_bytes()
    elif kind == "packed":
        np.savez_compressed(path, name=np.frombuffer(b"Rosalind", np.uint8))
        path = path.with_suffix(".npz")
    else:
        path.write_bytes(zlib.compress(b"x") + b"Rosalind")
    assert b"Rosalind" in contents(path)
