"""What the guides name exists: modules and names in them, links, pictures, commands, targets."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from cxr_core.command.table import make_parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [path for path in PAGES if path.name != "api.md"]  # made of docstrings, checked apart
DOTTED = re.compile(r"(?<![\w/.`-])`((?:cxr_core|ui|train|benchmarks|tools)(?:\.\w+)+)")
SUFFIXES = ("py", "md", "json", "toml", "svg")
MAX_README_LINES = 200


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def defined(path: Path) -> set[str]:
    """Names that a module has at its top level."""
    names: set[str] = set()
    for node in ast.parse(text_of(path)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def exists(dotted: str) -> bool:
    """Tell if a dotted name is a module, or a name (or a class's method) in one."""
    parts = dotted.split(".")
    place = ROOT
    for i, part in enumerate(parts):
        if (place / part).is_dir():
            place /= part
        elif (place / f"{part}.py").is_file():
            return _holds(place / f"{part}.py", parts[i + 1 :])
        else:
            return _holds(place / "__init__.py", parts[i:])
    return True


def _holds(module: Path, names: list[str]) -> bool:
    """Tell if a module has a name; of methods only the class is looked up."""
    return not names or (module.is_file() and names[0] in defined(module))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.name)
def test_every_dotted_name_exists(page):
    wrong = [name for name in DOTTED.findall(text_of(page)) if not exists(name)]
    assert not wrong


def test_the_test_itself_finds_a_wrong_name():
    assert exists("cxr_core.predict.Predictor.read")
    assert exists("cxr_core.batch.score")
    assert not exists("cxr_core.predict.Reader")
    assert not exists("cxr_core.nothing")


def test_the_architecture_names_every_package_of_the_core():
    packages = {path.parent.name for path in (ROOT / "cxr_core").glob("*/__init__.py")}
    named = set(re.findall(r"`cxr_core\.(\w+)`", text_of(ROOT / "docs" / "architecture.md")))
    assert packages <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
    inside = [link for link in links if "://" not in link and link.endswith((*SUFFIXES, "png"))]
    assert not [link for link in inside if not (page.parent / link).is_file()]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.name)
def test_every_command_and_target_exists(page):
    actions = next(action for action in make_parser()._actions if action.metavar == "COMMAND")
    commands = set(re.findall(r"python -m cxr_core ([a-z][a-z-]*)", text_of(page)))
    assert commands <= set(actions.choices)
    targets = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text_of(page), re.M))
    made = set(re.findall(r"^([a-z-]+):.*## ", text_of(ROOT / "Makefile"), re.M))
    assert targets <= made


def test_the_readme_is_short_and_gives_the_bundle_of_today():
    text = text_of(ROOT / "README.md")
    assert len(text.splitlines()) < MAX_README_LINES
    from cxr_core.bundle import DEFAULT_BUNDLE, Bundle

    assert f"`{Bundle.load(DEFAULT_BUNDLE).digest[:8]}`" in text


def test_the_figures_of_the_readme_stand_in_benchmarks():
    rows = [line for line in text_of(ROOT / "README.md").splitlines() if line.startswith("| ")]
    figures = [row for row in rows if re.search(r"\d\.\d{3} \(\d", row)]
    assert len(figures) >= 5
    known = text_of(ROOT / "BENCHMARKS.md")
    assert not [row for row in figures if row not in known]


def test_every_place_names_the_same_versions_of_python():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    told = [line.rsplit(" ", 1)[-1] for line in project["classifiers"] if ":: Python ::" in line]
    first, last = (int(version.removeprefix("3.")) for version in (told[0], told[-1]))
    assert told == [f"3.{minor}" for minor in range(first, last + 1)]
    assert project["requires-python"] == f">=3.{first},<3.{last + 1}"
    words = f"Python {', '.join(told[:-1])} or {told[-1]}"
    for name in ("README.md", "CONTRIBUTING.md", "Makefile"):
        assert words in text_of(ROOT / name), name
    makefile = text_of(ROOT / "Makefile")
    assert f"not (3, {first}) <= sys.version_info[:2] <= (3, {last})" in makefile
    assert f"PYTHONS ?= {' '.join(f'python{version}' for version in told)}\n" in makefile
    images = set(re.findall(r"^FROM python:(3\.\d+)\.", text_of(ROOT / "Dockerfile"), re.M))
    assert set() < images <= set(told)
