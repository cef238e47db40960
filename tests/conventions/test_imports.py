"""Who may import whom, and what a prediction may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.io.dicom_files import dataset, gradient, written

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "cxr_core": {"train", "ui", "pages", "streamlit", "streamlit_app"},
    "train": {"ui", "pages", "streamlit", "streamlit_app"},
    "ui": {"train", "pages", "streamlit_app"},
    "pages": {"train", "pages", "tensorflow", "keras", "numpy"},
}


def imported(path: Path) -> set[str]:
    """First parts of all modules that a file imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_import_direction(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        wrong = imported(path) & FORBIDDEN[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_test_itself_finds_a_wrong_import(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("def f():\n    from train.run import network\n    return network\n", "utf-8")
    assert imported(path) == {"train"}


def loaded_after(code: str) -> set[str]:
    """First parts of the modules in memory after a piece of code ran in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {name.split(".")[0] for name in done.stdout.split()}


HEAVY = {"tensorflow", "keras", "streamlit", "pandas", "plotly", "scipy", "nncf", "highdicom"}
HEAVY |= {"dicomweb_client", "retrying"}
HEAVY |= {"starlette", "uvicorn", "python_multipart"}  # for `serve` alone


def test_import_of_the_core_is_light():
    assert not loaded_after("import cxr_core, cxr_core.predict, cxr_core.__main__") & HEAVY


DICOM = {"pydicom", "gdcm", "openjpeg", "jpeg_ls", "dicomanonymizer"}


def prediction_of(path, bundle_dir):
    """The code of one prediction on the command line."""
    return (
        "from cxr_core.__main__ import main\n"
        f"status = main(['predict', {str(path)!r}, '--json', '--bundle', {str(bundle_dir)!r}])\n"
        "assert status == 0"
    )


def test_a_prediction_loads_neither_tensorflow_nor_streamlit(tiny_bundle_dir, film_path):
    loaded = loaded_after(prediction_of(film_path, tiny_bundle_dir))
    assert "openvino" in loaded
    assert not loaded & (HEAVY | DICOM)


def test_a_prediction_of_a_dicom_film_loads_only_what_reads_it(tiny_bundle_dir, tmp_path):
    path = tmp_path / "film"
    path.write_bytes(written(dataset(gradient((96, 80), bits=12), bits=12)))
    loaded = loaded_after(prediction_of(path, tiny_bundle_dir))
    assert "pydicom" in loaded
    assert not loaded & (HEAVY | {"dicomanonymizer"})
