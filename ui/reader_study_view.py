"""What the page *Reader study* says: sentences and rows from a study and its statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cxr_core.evaluate.figure_text import decimal, ends_text, number_text, percent
from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.reader_study.design import (
    AIDED,
    ALONE,
    ARM_ALONE,
    ARM_CROSSOVER,
    ARM_SEQUENTIAL,
    CHOICE_TITLES,
    CONFIDENCES,
    Aid,
    Design,
)

if TYPE_CHECKING:
    from cxr_core.reader_study import Answer, Study
    from cxr_core.reader_study.plan import Task
    from cxr_core.reader_study.study import Standing

ARM_TITLES: Final = {
    ARM_ALONE: "Alone",
    ARM_SEQUENTIAL: "Alone, then aided",
    ARM_CROSSOVER: "Two sessions",
}
ARM_NOTES: Final = {
    ARM_ALONE: "Each film once, without any system.",
    ARM_SEQUENTIAL: "Each film alone; after the answer a system's scores appear and the question "
    "is asked again.",
    ARM_CROSSOVER: "Each film in both sessions: half of them alone first and aided in the second "
    "session, half the other way round.",
}
TIME_MEANS: Final = (
    "**Time**: from when the film is painted until the answer is saved, while the browser calls "
    "the page visible. Another tab and pauses do not count; looking away does. Aided, it begins "
    "when the scores appear."
)
RESULTS_MEAN: Final = (
    "**Right**: the answer is the class that the film's folder names; who cannot say is not right. "
    "Intervals are 95% ones and say how other films of the kind would come out, not other "
    "readers. Films count as independent."
)
SWITCHING_MEANS: Final = (
    "Of a reader's two answers to one film. **Followed**: wrong alone, and right once the system "
    "was right. **Misled**: right alone, and wrong once the system was wrong. In two sessions a "
    "reader also changes without any system."
)
SYSTEMS_MEAN: Final = (
    "Films that a system was trained on make it look better than it is; the page *Shortcut audit* "
    "looks for them."
)
KAPPA_MEANS: Final = (
    "**Kappa**: agreement beyond chance, 1 for full and 0 for chance; *cannot say* is an answer "
    "of its own. It does not say who is right."
)
NOTHING: Final = "\N{EN DASH}"


def design_line(study: Study) -> str:
    """Say in one line how a study is run.

    Args:
        study: The study.

    Returns:
        Markdown.
    """
    design = study.design
    n_known = len(study.truth)
    parts = [
        f"**{len(study.films):,} {_films(len(study.films))}**, {ARM_TITLES[design.arm].lower()}",
        *([f"aided by {aid_words(design.aid)}"] if design.aid else []),
        f"seed {design.seed}, {'own order for' if design.is_own_order else 'one order for'} "
        f"{'each reader' if design.is_own_order else 'all readers'}",
        "answers may be changed" if design.can_go_back else "no going back",
    ]
    if design.washout_days:
        parts.append(f"{design.washout_days} days between the sessions")
    truth = "of no film" if not n_known else f"of {n_known:,}"
    return f"{'; '.join(parts)}. The class is known {truth}."


def aid_words(aid: Aid) -> str:
    """Name what is shown beside the film."""
    shown = ["probabilities"]
    shown += ["heatmap"] if aid.has_heatmap else []
    shown += ["trust notes"] if aid.has_trust_notes else []
    return f"{system_title(aid.system)} ({', '.join(shown)})"


def task_line(design: Design, task: Task, n_films: int) -> str:
    """Say which film it is, and in which condition.

    Args:
        design: How the study is run.
        task: The open task.
        n_films: Films of the study.

    Returns:
        Plain text.
    """
    session = f"Session {task.session}, film" if design.n_sessions > 1 else "Film"
    condition = "alone" if task.condition == ALONE else "with the system"
    return f"{session} {task.position + 1:,} of {n_films:,}, {condition}"


def said_line(answer: Answer | None) -> str:
    """Say what a reader answered before, for the question that follows."""
    if answer is None:
        return ""
    sure = "" if answer.confidence is None else f", {CONFIDENCES[answer.confidence].lower()}"
    when = "Alone you said" if answer.condition == ALONE else "You said"
    return f"{when}: {CHOICE_TITLES[answer.choice]}{sure}."


def reader_rows(standings: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """Return how far each reader is."""
    return [
        {
            "Reader": reader,
            "Answers": f"{standing.n_done:,} of {len(standing.plan):,}",
            "Sittings": standing.journal.n_sittings,
            "State": _state(standing),
        }
        for reader, standing in standings.items()
    ]


def accuracy_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return how often each reader is right, and how fast.

    Args:
        found: From `cxr_core.reader_study.statistics`.

    Returns:
        One row a reader, then all together where there are several.
    """
    is_aided = found["design"]["aid"] is not None
    named = {f"Reader {code}": own for code, own in found["readers"].items()}
    if len(named) > 1:
        named["All readers"] = found["all_readers"]
    rows = []
    for title, own in named.items():
        row = {"Who": title, "Right alone": share_words(own[ALONE]["accuracy"])}
        if is_aided:
            row["Right aided"] = share_words(own[AIDED]["accuracy"])
            row["Gain"] = gain_words(own["switching"]["accuracy_gain"])
        row["Seconds alone"] = number_words(own[ALONE]["time_s"], digits=1)
        if is_aided:
            row["Seconds aided"] = number_words(own[AIDED]["time_s"], digits=1)
        row["Cannot say"] = count_words(own[ALONE]["cannot_say"])
        rows.append(row)
    return rows


def system_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return how often each system is right on the same films."""
    return [
        {
            "System": f"{system_title(name)}{' (shown)' if own['is_shown'] else ''}",
            "Right": share_words(own["accuracy"]),
        }
        for name, own in found["systems"].items()
    ]


def class_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the share of each class's films that each reader found."""
    return [
        {
            "Who": f"Reader {code}",
            "Condition": condition.capitalize(),
            **{
                CLASS_TITLES[name]: share_words(own[condition]["found"][name])
                for name in CLASS_TITLES
            },
            "Cannot say": share_words(own[condition]["cannot_say"]),
            "Median confidence": number_words(own[condition]["confidence"], digits=0),
        }
        for code, own in found["readers"].items()
        for condition in (ALONE, AIDED)
        if own[condition]["n"]
    ]


def switching_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what each reader changed once they saw the system."""
    named = {f"Reader {code}": own["switching"] for code, own in found["readers"].items()}
    if len(named) > 1:
        named["All readers"] = found["all_readers"]["switching"]
    return [
        {
            "Who": title,
            "Changed": share_words(own["changed"]),
            "To right": count_words(own["changed_to_right"]),
            "To wrong": count_words(own["changed_to_wrong"]),
            "System right: followed": share_words(own["when_right"]["followed"]),
            "System right: left right": share_words(own["when_right"]["left_right"]),
            "System wrong: misled": share_words(own["when_wrong"]["misled"]),
            "System wrong: resisted": share_words(own["when_wrong"]["resisted"]),
        }
        for title, own in named.items()
        if own["n"]
    ]


def kappa_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return agreement of every two readers, of all, and of every reader with every system."""
    conditions = [ALONE, AIDED] if found["design"]["aid"] is not None else [ALONE]
    rows: dict[str, dict[str, str]] = {}
    for condition in conditions:
        agreement = found["agreement"][condition]
        column = condition.capitalize()
        for pair in agreement["between_readers"]:
            title = f"Readers {pair['a']} and {pair['b']} (Cohen)"
            rows.setdefault(title, {})[column] = number_words(pair["kappa"])
        if len(found["readers"]) > 2:
            title = "All readers (Fleiss)"
            rows.setdefault(title, {})[column] = number_words(agreement["all_readers"])
        for pair in agreement["with_systems"]:
            title = f"Reader {pair['reader']} and {system_title(pair['system'])} (Cohen)"
            rows.setdefault(title, {})[column] = number_words(pair["kappa"])
    return [{"Who": title, **columns} for title, columns in rows.items()]


def share_words(figure: Mapping[str, Any]) -> str:
    """Write a share, or its counts and why there is none."""
    if figure["value"] is None:
        return _missing(figure, f"{figure['n_hits']} of {figure['n']}")
    return f"{percent(figure['value'])} ({ends_text(figure)}), n = {figure['n']}"


def count_words(figure: Mapping[str, Any]) -> str:
    """Write how many of how many."""
    return f"{figure['n_hits']} of {figure['n']}"


def gain_words(figure: Mapping[str, Any]) -> str:
    """Write a difference of shares in points, or why there is none."""
    if figure["value"] is None:
        return _missing(figure, f"n = {figure['n']}")
    value, low, high = (_points(figure[name]) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high}) points"


def number_words(figure: Mapping[str, Any], *, digits: int = 2) -> str:
    """Write a number with its interval, or why there is none."""
    if figure["value"] is None:
        return _missing(figure, f"n = {figure['n']}")
    value = decimal(figure["value"], digits)
    if figure["low"] is None:
        return f"{value}, n = {figure['n']}, {figure['reason']}"
    low, high = decimal(figure["low"], digits), decimal(figure["high"], digits)
    return f"{value} ({low} to {high}), n = {figure['n']}"


def _missing(figure: Mapping[str, Any], counts: str) -> str:
    """Write why there is no value."""
    reason = str(figure["reason"])
    if not figure["n"]:
        return reason[:1].upper() + reason[1:]
    return f"{counts}, {reason.partition(':')[0]}"


def _points(value: float | None) -> str:
    """Write a share as percentage points with its sign."""
    return NOTHING if value is None else number_text(100 * value, 0, is_signed=True)


def _state(standing: Standing) -> str:
    """Say where a reader stands."""
    if standing.next is None:
        return "Finished"
    if standing.opens_at is not None:
        return f"Second session opens {standing.opens_at:%Y-%m-%d %H:%M} UTC"
    return "Reading" if standing.n_done else "Begun"


def _films(n: int) -> str:
    """Return the noun for a number of films."""
    return "film" if n == 1 else "films"
