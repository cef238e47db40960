"""The licences of what the dashboard and the command line need, as docs/licences.md.

    python -m tools.licences [--check]

Reads the metadata of the packages that are installed here: those that requirements.txt names, and
what they pull in. `--check` writes nothing and ends with 1 if a licence is neither permissive nor
explained below.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
REQUIREMENTS: Final = ROOT / "requirements.txt"
TABLE: Final = ROOT / "docs" / "licences.md"

PERMISSIVE: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD",
        "CC0-1.0",
        "HPND",
        "ISC",
        "MIT",
        "MIT-CMU",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    }
)
"""What may be used and passed on under its own notice alone."""

WEAK: Final = frozenset({"LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0"})
"""Copyleft for the package itself, not for what uses it; each use is explained in `USES`."""

USES: Final[Mapping[str, str]] = {
    "fpdf2": "LGPL. Imported as it was published, only when a report is written, never changed and "
    "never copied into this repository; whoever has the program can replace it by another version.",
    "certifi": "MPL. A list of certificates, used unchanged.",
    "tqdm": "MPL in part. Pulled in by dicom-anonymizer, used unchanged.",
}
"""How packages are used whose licence asks for more than a notice."""

STATED: Final[Mapping[str, str]] = {
    "namex": "Apache-2.0",  # the LICENSE file in its wheel; its metadata name none
}
"""Licences that only a file of the package states."""

PURPOSES: Final[Mapping[str, str]] = {
    "streamlit": "the dashboard",
    "tensorflow-cpu": "training, the reference engine",
    "tensorflow": "training, the reference engine",
    "keras": "training, the reference engine",
    "efficientnet": "public weights of EfficientNet",
    "plotly": "charts",
    "pillow": "reading and writing pictures",
    "opencv-python-headless": "preprocessing",
    "pandas": "tables of the dashboard",
    "numpy": "arithmetic",
    "openvino": "running the networks",
    "scipy": "fits of the trust model",
    "scikit-learn": "classifiers of the audit",
    "safetensors": "arrays on disk",
    "threadpoolctl": "threads of the arithmetic",
    "pylibjpeg": "finding codecs of DICOM",
}
"""What packages are for that requirements.txt does not comment on."""

HEAD: Final = """# Licences

Written by `python -m tools.licences` from the metadata of the installed packages; do not edit.
It lists what `requirements.txt` names and what that pulls in. What only tests, builds and
benchmarks need is not passed on and not listed. The code of this repository is Apache-2.0; the
fonts of reports are under the SIL Open Font License (`assets/fonts/LICENSE.txt`).

A licence of parts joined by AND asks for all of them. `tests/security/test_licences.py` fails if a
package comes in whose licence is neither permissive nor explained here.
"""
INSIDE: Final = """
## Inside wheels

Wheels carry libraries that their metadata do not name: opencv-python-headless has FFmpeg
(LGPL-2.1-or-later); numpy, scipy and OpenCV have the runtime of GCC's Fortran compiler (GPL-3.0
with the GCC Runtime Library Exception, which allows any use). They are loaded as shared libraries,
unchanged, and none is in this repository. No film is decoded by FFmpeg.

The other codec for JPEG Lossless, pylibjpeg-libjpeg, is GPL-3.0 and deliberately not used.
"""

_CLASSIFIERS: Final[Mapping[str, str]] = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
}
_WORDS: Final[Mapping[str, str]] = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd": "BSD",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "mit license": "MIT",
    "mit": "MIT",
    "mpl-2.0": "MPL-2.0",
    "psfl": "PSF-2.0",
}


@dataclass
class Package:
    """One package that is needed at run time.

    Attributes:
        name: Its name in lower case, with hyphens.
        version: What is installed here.
        licence: SPDX expression, or what it says in its own words, or `unknown`.
        needed_by: Packages that ask for it; `requirements.txt` for those that are named there.
        purpose: What it is for; empty for those that others pull in.
    """

    name: str
    version: str
    licence: str
    needed_by: list[str] = field(default_factory=list)
    purpose: str = ""

    @property
    def is_explained(self) -> bool:
        """Whether its licence is permissive, or weak copyleft whose use is explained."""
        return allowed(self.licence, WEAK if self.name in USES else frozenset())


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table, or check the licences.

    Args:
        argv: Arguments; those of the process if `None`.

    Returns:
        0, or 1 if a licence is not acceptable.
    """
    parser = argparse.ArgumentParser(description="Licences of what is needed at run time.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args(argv)
    packages = needed()
    if not arguments.check:
        TABLE.write_text(table(packages), "utf-8")
    for package in packages:
        if not package.is_explained:
            print(f"{package.name} {package.version}: {package.licence}", file=sys.stderr)
    return int(any(not package.is_explained for package in packages))


def needed(requirements: Path = REQUIREMENTS) -> list[Package]:
    """Return the packages that a list asks for, and what they pull in, by name.

    Args:
        requirements: A list in pip's format.

    Returns:
        Those installed here; requirements of other systems are left out.
    """
    found: dict[str, Package] = {}
    waiting = [
        (Requirement(line), requirements.name, about) for line, about in _lines(requirements)
    ]
    while waiting:
        asked, by, purpose = waiting.pop(0)
        if asked.marker is not None and not asked.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(asked.name)
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            if by == requirements.name:
                raise
            continue
        package = found.get(name)
        if package is None:
            package = Package(name, installed.version, licence(installed), purpose=purpose)
            found[name] = package
            waiting += [(each, name, "") for each in _pulled(installed, asked.extras)]
        if by not in package.needed_by:
            package.needed_by.append(by)
    return sorted(found.values(), key=lambda package: package.name)


def licence(installed: Distribution) -> str:
    """Return the licence of a package, as SPDX where its metadata can be understood.

    Args:
        installed: The package.

    Returns:
        The expression it states, else its classifiers, else its own short words, else `unknown`.
    """
    metadata = installed.metadata
    name = canonicalize_name(metadata["Name"])
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    words = (metadata.get("License") or "").strip().lower()
    if words in _WORDS:
        return _WORDS[words]
    if words == "mpl-2.0 and mit":
        return "MPL-2.0 AND MIT"
    classifiers = metadata.get_all("Classifier") or []
    stated = [each.rpartition("::")[2].strip() for each in classifiers if "License ::" in each]
    known = {_CLASSIFIERS.get(each, each) for each in stated}
    if known:
        return " AND ".join(sorted(known))
    return STATED.get(name, words.split("\n")[0][:40] or "unknown")


def allowed(expression: str, more: frozenset[str] = frozenset()) -> bool:
    """Tell whether an SPDX expression can be met by permissive licences.

    Args:
        expression: Names joined by AND and OR, without parentheses; AND binds more tightly.
        more: Further names that count as permissive.

    Returns:
        True if one of the choices holds acceptable names only.
    """
    return any(
        all(name.strip() in PERMISSIVE | more for name in re.split(r"\s+AND\s+", choice))
        for choice in re.split(r"\s+OR\s+", expression)
    )


def table(packages: Sequence[Package]) -> str:
    """Return docs/licences.md."""
    rows = [
        f"| {package.name} | {package.version} | {package.licence} | {_why(package)} |"
        for package in packages
    ]
    head = ["", "| package | version | licence | why |", "|---|---|---|---|"]
    uses = ["", "## More than a notice", ""]
    uses += [f"- **{each.name}** {USES[each.name]}" for each in packages if each.name in USES]
    return HEAD + "\n".join([*head, *rows, *uses]) + "\n" + INSIDE


def _why(package: Package) -> str:
    """Say what a package is for, or who asks for it."""
    if package.purpose:
        return package.purpose
    return f"for {', '.join(sorted(package.needed_by))}"


def _lines(requirements: Path) -> Iterator[tuple[str, str]]:
    """Yield each requirement and what its comment, or `PURPOSES`, says of it."""
    for line in requirements.read_text("utf-8").splitlines():
        asked, _, comment = (part.strip() for part in line.partition("#"))
        if asked and not asked.startswith("-"):
            name = canonicalize_name(re.split(r"[^\w.-]", asked)[0])
            purpose = PURPOSES.get(name) or comment.partition(";")[0] or "named in requirements.txt"
            yield asked, purpose


def _pulled(installed: Distribution, extras: set[str]) -> Iterator[Requirement]:
    """Yield what a package asks for, with the extras that were asked of it."""
    for line in installed.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": each}) for each in ("", *extras)):
            requirement.marker = None
            yield requirement


if __name__ == "__main__":
    sys.exit(main())
