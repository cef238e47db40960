"""Where training curves come from, for the file that a reader saves them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ui.run_view import run_title

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.training_run import Run


def run_comments(runs: Sequence[Run], bundle: Bundle | None) -> str:
    """Return comment lines for the top of a table of curves, one a run.

    Args:
        runs: The runs that are shown.
        bundle: The bundle that published runs are of, or `None` where none is loaded.

    Returns:
        Lines that start with `#`; no folder of this machine is named.
    """
    lines = []
    for run in runs:
        words = [f"# run: {run_title(run.key)}", run.kind, run.state]
        words += [f"preset {run.config['preset']}"] if "preset" in run.config else []
        words += [f"seed {run.config['seed']}"] if "seed" in run.config else []
        words += [f"created {run.created}"] if run.created else []
        if run.kind == "published" and bundle is not None:
            words.append(f"bundle {bundle.name} {bundle.version}, digest {bundle.digest}")
        lines.append(", ".join(words) + "\n")
    return "".join(lines)
