"""Which folders of the computer of the page a reader may name: any, some, or none.

`CXR_FOLDERS` says it: `any`, `off`, or folders separated as in `PATH`, below which everything may
be named. Without it, any folder may be named while the page can be opened from this computer only,
and none as soon as it can be opened from elsewhere: a folder of the server is not the visitor's.
"""

from __future__ import annotations

import errno
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from cxr_core.errors import ForbiddenFolderError

FOLDERS_VARIABLE: Final = "CXR_FOLDERS"
"""Environment variable with the folders that may be named."""

ANY: Final = "any"
OFF: Final = "off"

_ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class FolderPolicy:
    """What may be named.

    Attributes:
        roots: Folders, without links; what lies below them may be named. `None`: anything may.
    """

    roots: tuple[Path, ...] | None

    @property
    def is_closed(self) -> bool:
        """Whether nothing may be named, so that there is nothing to ask for."""
        return self.roots == ()

    def checked(self, path: Path) -> Path:
        """Return a path that may be used, or refuse it before anything of it is looked at.

        Args:
            path: Absolute; it need not exist.

        Returns:
            The same path; without links where only some folders may be named.

        Raises:
            ForbiddenFolderError: If it is outside the roots, or holds a link that leads out of it.
        """
        if self.roots is None:
            return path
        try:
            plain = _without_links(path)
        except (OSError, ValueError, RuntimeError):  # too long, no such characters, a ring of links
            plain = None
        if plain is None or not any(plain.is_relative_to(root) for root in self.roots):
            msg = "`folder` must be one that this page may open. Received: one that was not allowed"
            raise ForbiddenFolderError(msg, hint=self._hint())
        if _has_link_out(plain):
            msg = "`folder` must not hold links that lead out of it. Received: one that does"
            raise ForbiddenFolderError(msg, hint="Put the files themselves where the links are.")
        return plain

    def _hint(self) -> str:
        """Say what may be named."""
        if not self.roots:
            return ForbiddenFolderError.default_hint
        return f"Name a folder below {', '.join(map(str, self.roots))}, or upload the films."


def folder_policy() -> FolderPolicy:
    """Return what may be named, from `CXR_FOLDERS` and from where the page can be opened.

    A name that is no absolute path counts for nothing, so that a slip closes and never opens.
    """
    text = os.environ.get(FOLDERS_VARIABLE, "").strip()
    if not text:
        text = ANY if is_for_this_computer() else OFF
    if text.lower() == ANY:
        return FolderPolicy(None)
    paths = [Path(os.path.expanduser(part.strip())) for part in text.split(os.pathsep)]  # noqa: PTH111
    return FolderPolicy(tuple(path.resolve() for path in paths if path.is_absolute()))


def is_for_this_computer() -> bool:
    """Tell whether the page can be opened from this computer only.

    It listens on a loopback address and answers to loopback names alone. The second matters too:
    a proxy on the same computer reaches the first, under the name that the others use.
    """
    address = st.get_option("server.address")
    hosts = st.get_option("server.allowedHosts")
    return bool(hosts) and all(_is_loopback(str(name)) for name in (address, *hosts))


def named_path(name: str) -> Path:
    """Return the path that a reader typed; the only way from typed words to a path.

    Args:
        name: `~` is the home folder, and what is relative counts from the repository.

    Returns:
        The path; it need not exist.

    Raises:
        ForbiddenFolderError: If it may not be named.
    """
    return folder_policy().checked(own_path(name))


def own_path(name: str) -> Path:
    """Return a path that whoever runs the page has set; never for what a reader typed.

    Args:
        name: As for `named_path`.
    """
    return _ROOT / os.path.expanduser(name.strip())  # noqa: PTH111


def _is_loopback(name: str) -> bool:
    """Tell whether a name or address stands for this computer alone."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _has_link_out(folder: Path) -> bool:
    """Tell whether a link leads out of a folder; whoever may write there can make one."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() and not _is_inside(path, folder):
                return True
    return False


def _without_links(path: Path) -> Path:
    """Return where a path ends; it need not exist.

    Raises:
        OSError, RuntimeError: If its links lead round in a ring.
    """
    plain = path.resolve()
    try:
        plain.stat()
    except OSError as err:  # Python 3.13 returns a ring as it is, earlier ones raise RuntimeError
        if err.errno == errno.ELOOP:
            raise
    return plain


def _is_inside(link: Path, folder: Path) -> bool:
    """Tell whether a link ends below a folder; one that ends nowhere leads nowhere."""
    try:
        return _without_links(link).is_relative_to(folder)
    except (OSError, RuntimeError):
        return False
