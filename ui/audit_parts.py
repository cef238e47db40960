"""Words and rows of the audit's other parts: covered films, sources, leaks, changes, copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.evaluate.figure_text import percent
from cxr_core.labels import CLASS_TITLES, system_title
from ui.audit_changes import split_words
from ui.audit_text import is_share
from ui.dataset_view import LEAK_TITLES
from ui.performance_view import cell

KEPT: Final = "kept"
CALLED: Final = "called"
COVER_MEASURES: Final = {
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    KEPT: "Answer kept",
    CALLED: "Called COVID-19",
}
COVER_MEANING: Final = (
    "The five systems read the same films again, most of each painted black. A system that needs "
    "the lungs should fall to guessing where there are none (balanced accuracy 33%). A covered "
    "film is unlike any that they learnt from, so a fall does not prove that they look at the "
    "lungs; an answer that stays without lungs cannot come from what is inside them, only from the "
    "rest and from their outline. **Answer kept**: the share of films that are called as the whole "
    "film was. **Called COVID-19**: of all films, whatever they show."
)
WHOLE_FILM: Final = "Whole film"
SOURCE_MEANING: Final = (
    "Within one class the disease is the same, so features that tell the source tell scanner, "
    "hospital, age or the way the picture was made. For each network a plain linear classifier "
    "guesses from its features which collection a film comes from; no patient is in both the films "
    "it learnt from and those it is judged on. AUROC 0.5 is guessing, 1 tells the source of every "
    "film. **Network**: its last feature map; **head**: the layer below the answer. Films that are "
    "judged apart, such as the adults above, are counted in."
)
CHANGED_TITLE: Final = "Changed copies: cropped, scaled, turned, mirrored or inverted"
LAYER_TITLES: Final = {"pooled": "network", "hidden": "head"}
SOURCE_FIGURES: Final = {"macro_auroc": "AUROC", "balanced_accuracy": "Balanced accuracy"}


def cover_rows(own: Mapping[str, Any], measure: str) -> list[dict[str, str]]:
    """Return one row a system, one column a cover.

    Args:
        own: Part of an audit, of one variant.
        measure: Key of `COVER_MEASURES`.

    Returns:
        Column title to text; empty where nothing was covered.
    """
    covers = own.get("covered", {})
    rows = []
    for name, whole in own.get("systems", {}).items() if covers else ():
        row = {"System": system_title(name)}
        if measure != KEPT:
            row[f"{WHOLE_FILM} (n = {whole['n']:,})"] = cell(
                _cover_figure(whole, measure), is_share=True
            )
        for cover in covers.values():
            figures = cover["systems"][name]
            title = f"{cover['title']} (n = {figures['n']:,})"
            row[title] = cell(_cover_figure(figures, measure), is_share=True)
        rows.append(row)
    return rows


def _cover_figure(figures: Mapping[str, Any], measure: str) -> Mapping[str, Any]:
    """Return one figure of a system."""
    found: Mapping[str, Any] = figures[CALLED]["COVID19"] if measure == CALLED else figures[measure]
    return found


def cover_sentence(own: Mapping[str, Any]) -> str | None:
    """Say which system does best without lungs.

    Args:
        own: Part of an audit, of one variant.

    Returns:
        Markdown, or `None` where lungs were not removed.
    """
    systems = own.get("covered", {}).get("lungs_removed", {}).get("systems", {})
    known = {
        name: found
        for name, found in systems.items()
        if found["balanced_accuracy"]["value"] is not None and found[KEPT]["value"] is not None
    }
    if not known:
        return None
    name = max(known, key=lambda key: float(known[key]["balanced_accuracy"]["value"]))
    found = known[name]
    recall = percent(found["balanced_accuracy"]["value"])
    return (
        f"**With the lungs painted black,** {system_title(name)} still finds "
        f"{recall} of a class on average (balanced accuracy) and "
        f"keeps its answer on {percent(found[KEPT]['value'])} of {found['n']:,} films."
    )


def source_rows(own: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one row a class and network.

    Args:
        own: Part of an audit, of one variant.

    Returns:
        Column title to text; classes that could not be measured are left out.
    """
    return [
        {
            "Class": CLASS_TITLES[label],
            "Network": system_title(member),
            **{
                f"{title}, {LAYER_TITLES[layer]}": cell(figures[name], is_share=is_share(name))
                for name, title in SOURCE_FIGURES.items()
                for layer, figures in layers.items()
            },
        }
        for label, found in own.get("sources", {}).items()
        for member, layers in found.get("members", {}).items()
    ]


def source_lines(own: Mapping[str, Any]) -> list[str]:
    """Say how well the source is told, class by class.

    Args:
        own: Part of an audit, of one variant.

    Returns:
        Markdown sentences.
    """
    lines = []
    for label, found in own.get("sources", {}).items():
        title = CLASS_TITLES[label]
        if "reason" in found:
            lines.append(f"**{title}:** {found['reason']}.")
            continue
        values = [
            figures["macro_auroc"]["value"]
            for layers in found["members"].values()
            for figures in layers.values()
            if figures["macro_auroc"]["value"] is not None
        ]
        listed = ", ".join(f"{name} {n:,}" for name, n in found["n_by_source"].items())
        text = f"**{title}:** {found['n']:,} films ({listed})"
        if values:
            text += f"; sources told apart with AUROC {min(values):.2f} to {max(values):.2f}"
        if found["too_few"]:
            text += f". Too few to trust (under 20 films): {', '.join(found['too_few'])}"
        lines.append(f"{text}.")
    return lines


def leak_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one row a kind.

    Args:
        found: Part `leaks` of an audit.

    Returns:
        Column title to text.
    """
    pairs, leaks = found["pairs"], found["leaks"]
    return [
        {
            "": title,
            "Pairs in all": f"{pairs[kind]:,}" if kind in pairs else "allowed",
            "Across splits": f"{leaks[kind]:,}" if found["has_splits"] else "no splits",
        }
        for kind, title in LEAK_TITLES.items()
    ] + [
        {
            "": CHANGED_TITLE,
            "Pairs in all": "not looked for",
            "Across splits": f"{leaks['changed_copy']:,}" if found["has_splits"] else "no splits",
        }
    ]


def leak_lines(found: Mapping[str, Any]) -> list[str]:
    """Say what the leaks are.

    Args:
        found: Part `leaks` of an audit.

    Returns:
        Markdown sentences.
    """
    n = sum(found["leaks"].values())
    if not found["has_splits"]:
        lines = ["**There is only one set of films**, so nothing can stand on both sides."]
    elif not n:
        lines = ["**No leak was found** between the splits."]
    else:
        verb = "film is" if n == 1 else "films are"
        lines = [
            f"**{n:,} {verb} known from another split**, so figures measured there are a little "
            "too good."
        ]
    for two in found["classes_of_two"]:
        a, b = (CLASS_TITLES[label] for label in two["classes"])
        split_a, split_b = (split_words(split) for split in two["splits"])
        is_across = split_a != split_b
        where = f"{a} in {split_a}, {b} in {split_b}" if is_across else f"{a} and {b}"
        lines.append(f"**One film stands under two classes**: {where}. One label is wrong.")
    if found["patients_from"] == "none":
        lines.append("Patients are not known, so other films of one patient cannot be found.")
    return lines
