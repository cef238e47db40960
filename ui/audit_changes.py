"""Words and rows of the audit: small changes to films, and copies of films that models know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.audit import probe_folder
from cxr_core.audit.probe import PROBE_BY_NAME, Probe
from cxr_core.evaluate.figure_text import number_text, share_text
from cxr_core.labels import system_title
from ui.dataset_view import SPLIT_TITLES
from ui.performance_view import cell
from ui.words import unbroken

PROBE_MEANING: Final = (
    "Each change would leave a radiologist's reading as it is, at least while it is small. "
    "**Flipped**: the share of films that are called another class than before."
)


def first_flips(own: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return, for each change and system, the first level at which a tenth of the answers flip.

    Args:
        own: Part of an audit, of one variant.

    Returns:
        Column title to text.
    """
    rows = []
    for name, found in own["probes"]["probes"].items():
        probe = PROBE_BY_NAME.get(name)
        if probe is None:
            continue
        row = {"Change": change_title(probe)}
        for system, level in probe_folder.first_flips(found).items():
            row[system_title(system)] = (
                "not in this range" if level is None else level_text(probe, level)
            )
        rows.append(row)
    return rows


def flip_rows(found: Mapping[str, Any], probe: Probe) -> list[dict[str, str]]:
    """Return one row a level of one probe.

    Args:
        found: One entry of `probes`.
        probe: The probe.

    Returns:
        Column title to text: flipped answers, and the mean change of the named class's probability.
    """
    return [
        {
            "Level": level_text(probe, each["level"]),
            **{
                system_title(name): f"{unbroken(share_text(figures['flipped']))}; "
                f"{number_text(100 * figures['change']['value'], 0, is_signed=True)} points"
                for name, figures in each["systems"].items()
            },
        }
        for each in found["levels"]
        if each["level"] != found["unchanged"]
    ]


def overlap_line(found: Mapping[str, Any]) -> str:
    """Say how many films are copies of films that the models were made from.

    Args:
        found: Part `overlap` of an audit.

    Returns:
        Markdown.
    """
    n, n_copies = found["n"], found["n_overlap"]
    if not n_copies:
        return (
            f"**None of the {n:,} films** looks like a copy of one of the {found['n_index']:,} "
            "films that the models were made from and tested on."
        )
    order = [name for name in SPLIT_TITLES if name in found["n_by_split"]]
    listed = ", ".join(
        f"{found['n_by_split'][name]:,} of {split_words(name)} films" for name in order
    )
    return (
        f"**{n_copies:,} of {n:,} films** look like copies of films that the models were made from "
        f"or tested on ({listed}), whatever their names, sizes and formats. Figures on copies of "
        "training films are too good."
    )


def restricted_rows(own: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return open and restricted scoring, one row a system.

    Args:
        own: Part of an audit, of one variant.

    Returns:
        Column title to text; empty where no copies were looked for.
    """
    rest = own.get("restricted")
    if rest is None:
        return []
    without = rest.get("systems", {})
    return [
        {
            "System": system_title(name),
            f"Accuracy, all films (n = {all_['n']:,})": cell(all_["accuracy"], is_share=True),
            f"Accuracy, without copies of training films (n = {rest['n']:,})": (
                cell(without[name]["accuracy"], is_share=True)
                if name in without
                else "no film is left"
            ),
            "Balanced accuracy, without copies": (
                cell(without[name]["balanced_accuracy"], is_share=True)
                if name in without
                else "no film is left"
            ),
        }
        for name, all_ in own["systems"].items()
    ]


def change_title(probe: Probe) -> str:
    """Name a change with what its levels are and how far they go.

    Args:
        probe: The change.

    Returns:
        For example `A black border: width on each side, 0% to 20%`.
    """
    ends = (level_text(probe, probe.levels[i]) for i in (0, -1))
    return f"{probe.title}: {probe.axis}, {' to '.join(ends)}"


def level_text(probe: Probe, level: float) -> str:
    """Write a level of a probe.

    Args:
        probe: The probe.
        level: One of its levels.

    Returns:
        For example `5%` or `1.4`.
    """
    return f"{100 * level:g}%" if probe.is_percent else f"{level:g}"


def split_words(name: str) -> str:
    """Return the words of a split inside a sentence.

    Args:
        name: `train`, `val`, `test` or another word.

    Returns:
        For example `training`.
    """
    return SPLIT_TITLES.get(name, name).lower()
