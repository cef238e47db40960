"""`docs/api.md` from the docstrings: the names that the core's packages export, and a few modules.

    python -m tools.make_api [--check]

Reads the sources without importing them, so it needs nothing but Python, and gives the same text on
every machine.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / "docs" / "api.md"
MODULES: Final = (
    "cxr_core.labels",
    "cxr_core.errors",
    "cxr_core.radiograph",
    "cxr_core.preprocess",
    "cxr_core.engine",
    "cxr_core.record",
    "cxr_core.provenance",
    "cxr_core.explain.overlay",
    "cxr_core.trust.model",
    "cxr_core.trust.calibration",
    "cxr_core.trust.conformal",
    "cxr_core.trust.gate",
    "cxr_core.evaluate.evaluation",
    "cxr_core.evaluate.metrics",
    "cxr_core.evaluate.paired",
    "cxr_core.audit.folder",
    "cxr_core.audit.plan",
)
"""Modules whose public names are listed, besides those of every package with an `__all__`."""

_HEAD: Final = """# The core's names

Written by `python -m tools.make_api` (`make docs`) from the docstrings; do not edit. Listed are the
names that packages of `cxr_core` export and those of the modules that others build on. How they
work together: [architecture.md](architecture.md).
"""
_SECTIONS: Final = "Args|Attributes|Returns|Raises|Warns|Yields|Notes|References|Caution"
_LISTS: Final = ("Args:", "Attributes:", "Raises:", "Warns:")
_PUBLIC: Final = (ast.FunctionDef, ast.ClassDef)
_Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Named:
    """One name of the reference.

    Attributes:
        name: The name, after its module's.
        node: Its definition.
    """

    name: str
    node: _Definition


def main(argv: Sequence[str] | None = None) -> int:
    """Write the reference, or check it.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Returns:
        0, or 1 where `--check` finds another text.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.make_api")
    parser.add_argument("--check", action="store_true", help="write nothing, say if it is stale")
    arguments = parser.parse_args(argv)
    text = reference()
    if not arguments.check:
        TARGET.write_text(text, "utf-8")
        return 0
    if TARGET.read_text("utf-8") == text:
        return 0
    sys.stderr.write("docs/api.md is stale: run `python -m tools.make_api`\n")
    return 1


def reference() -> str:
    """Return the whole reference as Markdown."""
    parts = [_HEAD]
    for module in listed():
        tree = tree_of(module)
        doc = _markdown(ast.get_docstring(tree) or "")
        parts.append(f"## `{module}`\n\n{doc}\n")
        parts += [_entry(each) for each in names_of(module)]
    return "\n".join(parts)


def listed() -> list[str]:
    """Return the modules of the reference, by name."""
    packages = [
        path
        for path in sorted((ROOT / "cxr_core").rglob("__init__.py"))
        if _exports(ast.parse(path.read_text("utf-8")))
    ]
    dotted = [".".join(path.parent.relative_to(ROOT).parts) for path in packages]
    return sorted({*MODULES, *dotted})


def names_of(module: str) -> Iterator[Named]:
    """Yield what a module defines for others, or a package exports, in their order.

    Args:
        module: Dotted name.

    Yields:
        Functions and classes; constants are told in the texts around them.
    """
    tree = tree_of(module)
    exported = _exports(tree)
    if not exported:
        yield from (Named(n.name, n) for n in tree.body if _is_public(n))
        return
    homes = {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for name in exported:
        home = tree_of(homes[name]) if name in homes else tree
        for node in home.body:
            if isinstance(node, _PUBLIC) and node.name == name:
                yield Named(name, node)


def tree_of(module: str) -> ast.Module:
    """Parse a module of the repository."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text("utf-8"))


def _exports(tree: ast.Module) -> list[str]:
    """Return the names of `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _is_public(node: ast.AST) -> bool:
    """Tell if a definition is for others."""
    return isinstance(node, _PUBLIC) and not node.name.startswith("_")


def _entry(each: Named) -> str:
    """Return one name with its text, and those of a class's methods."""
    node = each.node
    if isinstance(node, ast.FunctionDef):
        return f"### `{each.name}{_signature(node)}`\n\n{_text(node)}\n"
    lines = [f"### `class {each.name}{_bases(node)}`\n\n{_text(node)}\n"]
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name.startswith("_"):
            continue
        marks = {ast.unparse(mark) for mark in method.decorator_list}
        shown = "" if "property" in marks else _signature(method, is_method=True)
        lines.append(f"#### `{each.name}.{method.name}{shown}`\n\n{_text(method)}\n")
    return "\n".join(lines)


def _bases(node: ast.ClassDef) -> str:
    """Return the bases of a class as written."""
    return f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""


def _signature(node: ast.FunctionDef, *, is_method: bool = False) -> str:
    """Return arguments and result as written, without `self` and `cls`."""
    arguments = ast.unparse(node.args)
    if is_method:
        arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({arguments}){result}"


def _text(node: _Definition) -> str:
    """Return a docstring as Markdown."""
    return _markdown(ast.get_docstring(node) or "")


def _markdown(doc: str) -> str:
    """Turn Google sections into headings with lists; the rest is Markdown already."""
    lines = []
    for block in re.split(rf"\n(?=(?:{_SECTIONS}):\n)", doc):
        head, _, rest = block.partition("\n")
        if not re.fullmatch(rf"(?:{_SECTIONS}):", head):
            lines.append(block.strip())
            continue
        body = inspect.cleandoc(rest)
        title = f"**{head[:-1]}**"
        if head in _LISTS:
            items = re.split(r"\n(?=\S)", body)
            lines.append(f"{title}\n\n" + "\n".join(f"- {_item(item)}" for item in items))
        else:
            lines.append(f"{title}: {body}")
    return "\n\n".join(line for line in lines if line)


def _item(item: str) -> str:
    """Return one line of a list: the name as code, what it is beside it."""
    name, _, words = item.partition(":")
    return f"`{name}`: {' '.join(words.split())}"


if __name__ == "__main__":
    sys.exit(main())
