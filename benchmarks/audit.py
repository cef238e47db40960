"""What the published bundle's audit says, as the tables of BENCHMARKS.md.

    python -m benchmarks.audit [--bundle DIR | --audit FILE] [--variants NAME ...] [--all-levels]

The audit itself is made by `python -m cxr_core inspect FOLDER --audit FILE`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from cxr_core.audit.schema import check_audit
from cxr_core.audit.section import markdown_lines
from cxr_core.audit.table import sections
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Raises:
        SpecMismatchError: If the bundle was not audited.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--audit", type=Path, metavar="FILE")
    parser.add_argument("--variants", nargs="+", metavar="NAME")
    parser.add_argument("--all-levels", action="store_true", help="every level of every probe")
    arguments = parser.parse_args(argv)
    if arguments.audit is not None:
        found = check_audit(json.loads(arguments.audit.read_text("utf-8")))
    else:
        found = check_audit(Bundle.load(arguments.bundle).audit())
    for variant in arguments.variants or found["variants"]:
        print(f"Variant `{variant}`\n")
        tables = sections(found, variant, is_short=not arguments.all_levels)
        print("\n".join(markdown_lines(tables)))


if __name__ == "__main__":
    main()
