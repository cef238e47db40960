"""An audit as tables: the same rows for a terminal, for Markdown and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.audit.probe_folder import first_flips
from cxr_core.audit.section import Section, cell
from cxr_core.evaluate.figure_text import share_text
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title

FIGURE_TITLES: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_auroc": "macro AUROC",
}
MAJORITY_TITLE: Final = "always the commonest class"
LAYER_TITLES: Final = {"pooled": "last feature map", "hidden": "last hidden layer"}
WHOLE: Final = "whole film"
_LEAK_TITLES: Final = {
    "copy": "same bytes",
    "near_duplicate": "same exposure in other bytes",
    "changed_copy": "changed copies: cropped, turned, mirrored",
    "patient": "same patient, another film",
}


def sections(
    audit: Mapping[str, Any], variant: str | None = None, *, is_short: bool = False
) -> tuple[Section, ...]:
    """Return the tables of an audit.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Whose systems are shown; the first if `None`.
        is_short: Leave out the table of every level of every probe.

    Returns:
        The tables, films that were judged apart first; what was not measured is left out.
    """
    name = variant or next(iter(audit["variants"]), None)
    own: Mapping[str, Any] = audit["variants"].get(name, {}) if name else {}
    found = [
        _external(audit, own),
        _classifiers(audit, own),
        _covered(own),
        _sources(own),
        _leaks(audit["leaks"]),
        _first_flips(own),
        None if is_short else _probes(own),
        _overlap(audit, own),
    ]
    return tuple(section for section in found if section is not None)


def _external(audit: Mapping[str, Any], own: Mapping[str, Any]) -> Section | None:
    """Films that are judged apart: how many are called what."""
    about = audit["external"]
    if about is None:
        return None
    rows = []
    whole = (own.get("external") or {}).get("whole", {})
    for system, called in whole.items():
        rows.append((system_title(system), *(share_text(called[label]) for label in CLASSES)))
    rows += [
        (cue["title"], *(share_text(cue["external"][label]) for label in CLASSES))
        for cue in audit["cues"].values()
        if cue.get("external")
    ]
    counts = ", ".join(f"{CLASS_TITLES[k]} {n}" for k, n in about["n_by_class"].items() if n)
    notes: tuple[str, ...] = ()
    if own.get("was_fitted_to_others"):
        notes = ("Films of this kind were added to this variant's training: it may know them.",)
    return Section(
        f"{about['n_films']} films, {about['title']}, of {about['n_patients']} patients ({counts})",
        ("", *(f"called {CLASS_TITLES[label]}" for label in CLASSES)),
        tuple(rows),
        notes,
    )


def _classifiers(audit: Mapping[str, Any], own: Mapping[str, Any]) -> Section:
    """Classifiers that must not work, beside the systems."""
    rows = [(MAJORITY_TITLE, *_figures(audit["majority"]))]
    for cue in audit["cues"].values():
        cells = ("", cue["reason"], "", "") if "reason" in cue else _figures(cue)
        rows.append((cue["title"], *cells))
    rows += [
        (system_title(name), *_figures(found)) for name, found in own.get("systems", {}).items()
    ]
    data = audit["data"]
    how = (
        "learnt from the films that are not test films"
        if data["method"] == "test"
        else "each film judged by a classifier that saw no film of its patient"
    )
    lungs = audit["lungs"]
    note = (
        f"{lungs['n_without']} of {lungs['n']} films have no plausible lungs and are left out "
        "where lungs are needed."
        if lungs
        else "Lungs were not looked for."
    )
    return Section(
        f"What tells the class, {data['n_judged']:,} films of {data['n_judged_patients']:,} "
        f"patients, {how}",
        ("", "n", *FIGURE_TITLES.values()),
        tuple(rows),
        (note,),
    )


def _covered(own: Mapping[str, Any]) -> Section | None:
    """The systems on covered films."""
    rows = [
        (
            cover["title"],
            system_title(name),
            str(found["n"]),
            cell(found["kept"]),
            cell(found["accuracy"]),
            cell(found["balanced_accuracy"]),
            cell(found["called"]["COVID19"]),
        )
        for cover in own.get("covered", {}).values()
        for name, found in cover["systems"].items()
    ]
    if not rows:
        return None
    header = (
        "shown",
        "system",
        "n",
        "keeps its answer",
        "accuracy",
        "balanced accuracy",
        "called COVID-19",
    )
    return Section("The systems on films that are mostly painted black", header, tuple(rows))


def _sources(own: Mapping[str, Any]) -> Section | None:
    """How well features tell the source."""
    rows = []
    for label, found in own.get("sources", {}).items():
        counts = ", ".join(f"{name} {n}" for name, n in found["n_by_source"].items())
        start = (CLASS_TITLES[label], counts or "not stated")
        if "reason" in found:
            rows.append((*start, "", found["reason"], "", ""))
            continue
        for member, layers in found["members"].items():
            rows += [
                (
                    *start,
                    system_title(member),
                    LAYER_TITLES[layer],
                    cell(figures["macro_auroc"]),
                    cell(figures["balanced_accuracy"]),
                )
                for layer, figures in layers.items()
            ]
    if not rows:
        return None
    header = ("class", "films by source", "member", "features", "AUROC", "balanced accuracy")
    notes = [
        f"{CLASS_TITLES[label]}: fewer than 20 films of {', '.join(found['too_few'])}."
        for label, found in own["sources"].items()
        if found["too_few"]
    ]
    title = "How well a model's own features tell the source, within one class"
    return Section(title, header, tuple(rows), tuple(notes))


def _leaks(found: Mapping[str, Any]) -> Section:
    """Copies and leaks."""
    pairs, leaks = found["pairs"], found["leaks"]
    rows = tuple(
        (
            title,
            f"{pairs[kind]:,}" if kind in pairs else "",
            f"{leaks[kind]:,}" if found["has_splits"] else "no splits",
        )
        for kind, title in _LEAK_TITLES.items()
    )
    notes = tuple(
        f"One exposure stands under two classes: {CLASS_TITLES[two['classes'][0]]} in "
        f"{two['splits'][0]}, {CLASS_TITLES[two['classes'][1]]} in {two['splits'][1]}."
        for two in found["classes_of_two"]
    )
    return Section("Copies and leaks", ("", "pairs in all", "across splits"), rows, notes)


def _first_flips(own: Mapping[str, Any]) -> Section | None:
    """Probes in short: where a tenth of the answers has flipped."""
    found = own.get("probes")
    if not found:
        return None
    rows = []
    for probe in found["probes"].values():
        axis = f" ({probe['axis']})"
        levels = first_flips(probe).values()
        cells = ["-" if level is None else f"{level:g}" for level in levels]
        tried = [f"{probe['levels'][i]['level']:g}" for i in (0, -1)]
        rows.append((f"{probe['title']}{axis}", " to ".join(tried), *cells))
    header = ("change", "tried", *_probe_systems(found))
    title = f"First level at which a tenth of the answers flip, {found['n']} films"
    return Section(title, header, tuple(rows))


def _probes(own: Mapping[str, Any]) -> Section | None:
    """Probes: every level, the share of answers that flip."""
    found = own.get("probes")
    if not found:
        return None
    rows = []
    for probe in found["probes"].values():
        for level in probe["levels"]:
            if level["level"] == probe["unchanged"]:
                continue
            cells = [share_text(each["flipped"]) for each in level["systems"].values()]
            rows.append((probe["title"], f"{level['level']:g}", *cells))
    header = ("change", "level", *_probe_systems(found))
    title = f"Answers that flip under small changes, {found['n']} films"
    return Section(title, header, tuple(rows))


def _probe_systems(found: Mapping[str, Any]) -> list[str]:
    """Return the titles of the systems that were probed."""
    first = next(iter(found["probes"].values()))
    return [system_title(name) for name in first["levels"][0]["systems"]]


def _overlap(audit: Mapping[str, Any], own: Mapping[str, Any]) -> Section | None:
    """Films that the models were made from, and scores without them."""
    found, rest = audit["overlap"], own.get("restricted")
    if found is None or rest is None:
        return None
    restricted = rest.get("systems", {})
    rows = tuple(
        (
            system_title(name),
            cell(open_["accuracy"]),
            cell(restricted[name]["accuracy"]) if name in restricted else "no film is left",
        )
        for name, open_ in own["systems"].items()
    )
    title = (
        f"{found['n_overlap']} of {found['n']} films are taken for copies of films that the models "
        "were made from"
    )
    header = ("accuracy", f"all films, n = {found['n']}", f"without copies, n = {rest['n']}")
    return Section(title, header, rows)


def _figures(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return n and the three figures."""
    return (f"{found['n']:,}", *(cell(found[name]) for name in FIGURE_TITLES))
