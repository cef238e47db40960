"""Join the viewer's JavaScript modules into the one text that Streamlit can mount.

Streamlit loads a component's script from a blob address, and a module in a blob cannot import its
neighbours by relative path; serving a folder instead would need the project to be an installed
package with a manifest. So the files stay ordinary modules, for editors and for tests, and are
joined here when the page starts: no build step.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?!default)", re.MULTILINE)
_NAME: Final = re.compile(
    r"^(?:export )?(?:default )?(?:async )?(?:const|let|class|function) (\w+)", re.MULTILINE
)


def joined(entry: Path) -> str:
    """Return a module and all that it imports as one module, each file once, imports first.

    Args:
        entry: The module with the default export; it imports only from its own folder.

    Returns:
        The text of one module without imports.

    Raises:
        ValueError: If two files declare the same name, or if a form of import or export is used
            that is not joined.
    """
    texts: dict[str, str] = {}
    _collect(entry, texts)
    owners: dict[str, str] = {}
    for file, text in texts.items():
        for name in _NAME.findall(text):
            if name in owners:
                msg = f"`{name}` must be declared once. Received: {owners[name]} and {file}"
                raise ValueError(msg)
            owners[name] = file
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts.values())


def _collect(path: Path, texts: dict[str, str]) -> None:
    """Add a file after the files that it imports."""
    text = path.read_text(encoding="utf-8")
    rest = _IMPORT.sub("", text)
    odd = re.search(r"^(import|export \{|export \*).*$", rest, re.MULTILINE)
    if odd:
        msg = f"`{path.name}` must import by name from its own folder. Received: {odd.group()!r}"
        raise ValueError(msg)
    for name in _IMPORT.findall(text):
        if name not in texts:
            _collect(path.with_name(name), texts)
    texts[path.name] = text
