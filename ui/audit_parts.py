"""Words and rows of the audit's other parts: covered films, sources, leaks, changes, copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.audit import bench
from cxr_core.audit.probe import PROBE_BY_NAME, Probe
from cxr_core.labels import CLASS_TITLES, system_title
from ui.audit_view import is_share, share_text
from ui.dataset_view import LEAK_TITLES, SPLIT_TITLES
from ui.performance_view import cell

KEPT: Final = "kept"
COVER_MEASURES: Final = {
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    KEPT: "Answer kept",
}
COVER_MEANING: Final = (
    "The five systems read the same films again, most of each painted black. A system that needs "
    "the lungs should fall to guessing where there are none (balanced accuracy 33%). A covered "
    "film is unlike any that they learnt from, so a fall does not prove that they look at the "
    "lungs; an answer that stays without lungs cannot come from them. **Answer kept**: the share "
    "of films that are called as the whole film was."
)
WHOLE_FILM: Final = "Whole film"
SOURCE_MEANING: Final = (
    "Within one class the disease is the same, so features that tell the source tell scanner, "
    "hospital, age or the way the picture was made. For each network a plain linear classifier "
    "guesses from its features which collection a film comes from; no patient is in both the films "
    "it learnt from and those it is judged on. AUROC 0.5 is guessing, 1 tells the source of every "
    "film. **Network**: its last feature map; **head**: the layer below the answer."
)
CHANGED_TITLE: Final = "Changed copies: cropped, scaled, turned, mirrored or inverted"
LAYER_TITLES: Final = {"pooled": "network", "hidden": "head"}
SOURCE_FIGURES: Final = {"macro_auroc": "AUROC", "balanced_accuracy": "Balanced accuracy"}
PROBE_MEANING: Final = (
    "Each change would leave a radiologist's reading as it is, at least while it is small. "
    "**Flipped**: the share of films that are called another class than before."
)


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
            row[f"{WHOLE_FILM} (n = {whole['n']:,})"] = cell(whole[measure], is_share=True)
        for cover in covers.values():
            figures = cover["systems"][name]
            title = f"{cover['title']} (n = {figures['n']:,})"
            row[title] = (
                cell(figures[KEPT], is_share=True)
                if measure == KEPT
                else cell(figures[measure], is_share=True)
            )
        rows.append(row)
    return rows


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
    return (
        f"**With the lungs painted black,** {system_title(name)} still finds "
        f"{found['balanced_accuracy']['value']:.0%} of a class on average (balanced accuracy) and "
        f"keeps its answer on {found[KEPT]['value']:.0%} of {found['n']:,} films."
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
        (a, b), (split_a, split_b) = two["classes"], two["splits"]
        where = (
            f"{CLASS_TITLES[a]} in {_split(split_a)}, {CLASS_TITLES[b]} in {_split(split_b)}"
            if split_a != split_b
            else f"{CLASS_TITLES[a]} and {CLASS_TITLES[b]}"
        )
        lines.append(f"**One film stands under two classes**: {where}. One label is wrong.")
    if found["patients_from"] == "none":
        lines.append("Patients are not known, so other films of one patient cannot be found.")
    return lines


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
        row = {"Change": f"{found['title']}: {probe.axis}"}
        for system, level in bench.first_flips(found).items():
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
                system_title(name): f"{share_text(figures['flipped'])}; "
                f"{100 * figures['change']['value']:+.0f} points"
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
    listed = ", ".join(f"{found['n_by_split'][name]:,} of {_split(name)} films" for name in order)
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


def level_text(probe: Probe, level: float) -> str:
    """Write a level of a probe.

    Args:
        probe: The probe.
        level: One of its levels.

    Returns:
        For example `5%` or `1.4`.
    """
    return f"{100 * level:g}%" if probe.is_percent else f"{level:g}"


def _split(name: str) -> str:
    """Return the words of a split in a sentence."""
    return SPLIT_TITLES.get(name, name).lower()
