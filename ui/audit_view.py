"""What the Shortcut audit says: sentences and table rows from an audit, nothing drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cxr_core.audit.schema import check_audit
from cxr_core.evaluate.figure_text import ends_text, percent
from cxr_core.labels import CLASS_TITLES, system_title
from ui.audit_text import MEASURE_TITLES, is_share, measure_text
from ui.performance_view import cell

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle

FREE, CUE, SYSTEM = "free", "cue", "system"
KIND_TITLES: Final = {
    FREE: "No look at any film",
    CUE: "Must not work: no disease to be seen, or hardly any",
    SYSTEM: "The systems, whole film",
}
"""Kind of a bar to its words."""

MAJORITY: Final = "Always the commonest class"
SEES_NO_LUNG: Final = ("file", "dimensions", "corners", "border_only", "lungs_removed")
"""Cues in which no lung can be seen."""

COMMON_SOURCE: Final = (
    "**None of them has COVID-19.** What they share with the COVID-19 films is where they come "
    "from, not the disease. A system that looked at the disease would call few of them COVID-19."
)


@dataclass(frozen=True)
class Bar:
    """One row of the chart.

    Attributes:
        title: Words for it.
        kind: `FREE`, `CUE` or `SYSTEM`.
        figures: Measure to {value, low, high}.
        n: Films judged.
        note: One sentence.
    """

    title: str
    kind: str
    figures: Mapping[str, Mapping[str, Any]]
    n: int
    note: str


def bundle_audit(bundle: Bundle) -> dict[str, Any] | None:
    """Return what a bundle tells of shortcuts in its films.

    Args:
        bundle: The bundle in use.

    Returns:
        A checked audit, or `None` where the bundle was not audited.

    Raises:
        SpecMismatchError: If its audit is of another schema.
    """
    content = bundle.audit()
    return None if content is None else check_audit(content)


def own_part(audit: Mapping[str, Any], variant: str) -> Mapping[str, Any]:
    """Return what an audit holds of one variant; empty where it has none.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant.
    """
    found: Mapping[str, Any] = audit["variants"].get(variant, {})
    return found


def adults_lines(
    evaluation: Mapping[str, Any] | None, audit: Mapping[str, Any] | None, variant: str
) -> list[str]:
    """Say how many films without COVID-19 are called COVID-19, in plain words.

    Args:
        evaluation: Of the variant in use, with its sets; the first source.
        audit: Of the bundle, for sets that the evaluation lacks and for the thumbnail.
        variant: Name of the variant.

    Returns:
        Markdown; empty where no such films were read.
    """
    sets = (evaluation or {"sets": {}})["sets"]
    found = {
        title: {name: system["called"]["COVID19"] for name, system in figures["systems"].items()}
        for title, figures in sets.items()
        if figures["n_films"] and not figures["n_by_class"]["COVID19"]
    }
    about = audit["external"] if audit else None
    own = own_part(audit, variant) if audit else {}
    knows_them = bool(own.get("was_fitted_to_others"))
    if not found and about and not knows_them and not about["n_by_class"]["COVID19"]:
        called = (own.get("external") or {}).get("whole", {})
        found = {about["title"]: {name: each["COVID19"] for name, each in called.items()}}
    whole = about["title"] if about else ""
    lines = [
        _adults_line(whole if whole.startswith(title) else title, called)
        for title, called in found.items()
        if called
    ]
    if not lines:
        return []
    cues = (audit or {"cues": {}})["cues"]
    thumbnail = (cues.get("thumbnail", {}).get("external") or {}).get("COVID19")
    if thumbnail and about and not about["n_by_class"]["COVID19"]:
        lines.append(
            f"A classifier that sees each film as 8 by 8 squares of grey calls "
            f"**{thumbnail['n_hits']}** of {thumbnail['n']} COVID-19."
        )
    return [*lines, COMMON_SOURCE]


def bars(audit: Mapping[str, Any], variant: str) -> list[Bar]:
    """Return the rows of the chart, the commonest class first and the systems last.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant whose systems are shown.

    Returns:
        The rows; cues that could not be measured are left out.
    """
    free = audit["majority"]
    found = [Bar(MAJORITY, FREE, free, free["n"], "No film is looked at.")]
    found += [
        Bar(cue["title"], CUE, cue, cue["n"], _cue_note(cue))
        for cue in audit["cues"].values()
        if "reason" not in cue
    ]
    found += [
        Bar(system_title(name), SYSTEM, figures, figures["n"], "The whole film.")
        for name, figures in own_part(audit, variant).get("systems", {}).items()
    ]
    return found


def bar_rows(audit: Mapping[str, Any], variant: str) -> list[dict[str, Any]]:
    """Return the chart as a table.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant.

    Returns:
        Column title to text; cues that could not be measured say why.
    """
    rows: list[dict[str, Any]] = [
        {
            "What is looked at": bar.title,
            "n": f"{bar.n:,}",
            **{
                title: cell(bar.figures[name], is_share=is_share(name))
                for name, title in MEASURE_TITLES.items()
            },
            "In words": bar.note,
        }
        for bar in bars(audit, variant)
    ]
    rows += [
        {"What is looked at": cue["title"], "In words": f"Not measured: {cue['reason']}"}
        for cue in audit["cues"].values()
        if "reason" in cue
    ]
    return rows


def chart_sentence(audit: Mapping[str, Any], variant: str, measure: str) -> str:
    """Say what the chart says.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant.
        measure: Key of `MEASURE_TITLES`.

    Returns:
        One or two Markdown sentences.
    """
    cues = {
        name: audit["cues"][name]
        for name in SEES_NO_LUNG
        if _value(audit["cues"].get(name, {}), measure) is not None
    }
    if not cues:
        return "No classifier could be measured on these films; the table below says why."
    best = max(cues.values(), key=lambda cue: float(cue[measure]["value"]))
    value = float(best[measure]["value"])
    title = MEASURE_TITLES[measure]
    text = (
        f"**With no lung to be seen** ({_lower(best['title'])}), a small classifier reaches "
        f"{measure_text(value, measure)} {_lower(title) if title != 'AUROC' else title}"
    )
    systems = [
        float(found[measure]["value"])
        for found in own_part(audit, variant).get("systems", {}).values()
        if _value(found, measure) is not None
    ]
    if not systems:
        return f"{text}."
    low, high = min(systems), max(systems)
    ends = dict.fromkeys(measure_text(end, measure) for end in (low, high))
    span = " to ".join(ends)
    text = f"{text}; the systems reach {span}."
    floor = _value(audit["majority"], measure)
    if floor is None or high <= floor or value <= floor:
        return text
    gained = (value - floor) / (high - floor)
    return (
        f"{text} Of what the best system gains over naming the commonest class every time, "
        f"**{percent(min(gained, 1.0))}** can be had that way."
    )


def data_sentence(audit: Mapping[str, Any]) -> str:
    """Say which films were judged, how, and how many had no plausible lungs.

    Args:
        audit: Of schema `cxr-audit/1`.

    Returns:
        Markdown.
    """
    data, lungs = audit["data"], audit["lungs"]
    counts = ", ".join(f"{CLASS_TITLES[k]} {n:,}" for k, n in data["n_judged_by_class"].items())
    how = (
        "test films, judged after learning from the others"
        if data["method"] == "test"
        else "films, each judged by a classifier that saw no film of its patient"
    )
    text = (
        f"{data['n_judged']:,} {how} ({counts}), of {data['n_judged_patients']:,} patients. "
        "Every small classifier is the same kind of decision trees with the same settings; none "
        "was tuned on these films."
    )
    if audit.get("n_read") is not None and audit["n_read"] < data["n_judged"]:
        text += f" The systems read {audit['n_read']:,} of them, drawn by chance."
    if lungs:
        n = lungs["n_without"]
        text += (
            f" Two lungs were found on all but {n:,} of {lungs['n']:,} films; what is missing is "
            "left out where lungs are needed."
            if n
            else f" Two lungs were found on all {lungs['n']:,} films."
        )
    if data["patients_from"] == "none":
        text += " Patients are not known: every film counts as a patient of its own."
    return text


def _adults_line(title: str, called: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one sentence of one set."""
    n = next(iter(called.values()))["n"]
    said = [
        f"{system_title(name)} calls **{own['n_hits']}** COVID-19 ({ends_text(own)})"
        if i == 0
        else f"{system_title(name)} **{own['n_hits']}** ({ends_text(own)})"
        for i, (name, own) in enumerate(called.items())
    ]
    listed = " and ".join(part for part in (", ".join(said[:-1]), said[-1]) if part)
    return f"**Of {n} {title},** {listed}."


def _cue_note(cue: Mapping[str, Any]) -> str:
    """Return a cue's explanation, and what was special here."""
    text = str(cue["explanation"])
    if cue.get("is_constant"):
        text += " All films here are alike in it, so it tells nothing."
    n_out = sum(cue["n_left_out"].values())
    if n_out:
        text += f" {n_out:,} {'film was' if n_out == 1 else 'films were'} left out."
    return text


def _value(figures: Mapping[str, Any], measure: str) -> float | None:
    """Return the value of a figure, or `None`."""
    found = figures.get(measure)
    return None if found is None else found["value"]


def _lower(text: str) -> str:
    """Return words with a small first letter."""
    return text[:1].lower() + text[1:]
