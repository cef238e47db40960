"""House rules that no linter knows."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cxr_core", "train", "ui", "pages", "tools", "benchmarks")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MAX_LINES, MAX_PAGE_LINES = 500, 80


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def tracked() -> list[Path]:
    """Files under version control, or all files where there is none."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_exception_is_built_from_several_strings():
    """`Error("one" , "two")` is a comma where a joined string was meant."""
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                texts = [
                    argument
                    for argument in node.exc.args
                    if isinstance(argument, ast.JoinedStr)
                    or (isinstance(argument, ast.Constant) and isinstance(argument.value, str))
                ]
                assert len(texts) <= 1, f"{path.name}:{node.lineno}"


def test_modules_and_pages_keep_their_size():
    for path in SOURCES:
        n_lines = len(path.read_text("utf-8").splitlines())
        limit = MAX_PAGE_LINES if path.parent.name == "pages" else MAX_LINES
        assert n_lines <= limit, f"{path.relative_to(ROOT)} has {n_lines} lines"
    assert len((ROOT / "streamlit_app.py").read_text("utf-8").splitlines()) <= MAX_PAGE_LINES


def test_no_function_is_longer_than_sixty_lines_of_code():
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert length <= 60, f"{path.relative_to(ROOT)}:{node.name} has {length} lines"


def test_pages_never_use_navigation():
    """`st.navigation` beside `pages/` skips the shared frame on deep links."""
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")]:
        assert "navigation(" not in path.read_text("utf-8"), path.name


def test_every_page_calls_the_frame_first():
    """`page()` draws the research-use banner; nothing of a page comes before it."""
    for path in [ROOT / "streamlit_app.py", *sorted((ROOT / "pages").glob("*.py"))]:
        functions = {n.name: n for n in tree_of(path).body if isinstance(n, ast.FunctionDef)}
        body = functions["main"].body if "main" in functions else tree_of(path).body
        calls = [
            ast.unparse(node.value.func)
            for node in body
            if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call)
        ]
        assert calls[0] == "page", path.name


def test_the_repository_keeps_its_size():
    sizes = {path: path.stat().st_size for path in tracked()}
    assert max(sizes.values()) < 90e6
    assert sum(sizes.values()) < 150e6


def test_no_pickle_no_eval():
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), f"{path.name}:{node.lineno}"
        assert "import pickle" not in path.read_text("utf-8"), path.name


def test_ci_runs_make_test():
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[-1] == "make test"
