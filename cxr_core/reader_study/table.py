"""Every answer as one table, and the statistics as JSON, both with what made the readings."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from cxr_core.labels import CLASSES
from cxr_core.reader_study.design import CANNOT_SAY
from cxr_core.reader_study.statistics import statistics

if TYPE_CHECKING:
    from cxr_core.reader_study.study import Study

COLUMNS: Final = (
    "reader",
    "session",
    "position",
    "film_sha256",
    "truth",
    "condition",
    "revision",
    "is_final",
    "choice",
    "confidence",
    "is_right",
    "time_s",
    "hidden_s",
    "n_loads",
    "answered_at",
    "system",
    "system_choice",
    *(f"system_{name}" for name in CLASSES),
    "gate_verdict",
)
"""Columns of the table of answers; `docs/reader-study.md` tells what they hold."""


def answer_rows(study: Study) -> list[dict[str, Any]]:
    """Return one row an answer, changed ones too.

    Args:
        study: The study.

    Returns:
        Column to value, in the order in which each reader answered; `None` for what is not known.

    Raises:
        StudyChangedError: If a journal is not what was written.
    """
    rows = []
    aid = study.design.aid
    for reader in study.readers():
        journal = study.journal(reader)
        for answer in journal.answers:
            truth = study.truth.get(answer.film)
            record = study.records.get(answer.film)
            system = None if aid is None else aid.system
            gate = {} if record is None else record.trust.get("out_of_distribution", {})
            probs = None if record is None or system is None else record.probs(system)
            values = (
                reader,
                answer.session,
                answer.position + 1,
                answer.film,
                truth,
                answer.condition,
                answer.revision,
                int(journal.latest[answer.task] == answer),
                answer.choice,
                answer.confidence,
                None if truth is None else int(answer.choice == truth),
                answer.time_s,
                answer.hidden_s,
                answer.n_loads,
                answer.at,
                system,
                None if record is None or system is None else record.label(system),
                *(probs or (None,) * len(CLASSES)),
                gate.get("verdict"),
            )
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def answers_csv(study: Study) -> bytes:
    """Return every answer as comma-separated values.

    Args:
        study: The study.

    Returns:
        UTF-8, line feeds; above the header comment lines that start with `#` tell what the numbers
        come from. A reader who cannot say has the choice `CANNOT_SAY` and no confidence.
    """
    buffer = io.StringIO()
    for name, value in _about(study).items():
        buffer.write(f"# {name}: {value}\n")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(answer_rows(study))
    return buffer.getvalue().encode()


def statistics_json(study: Study) -> bytes:
    """Return the statistics as JSON.

    Args:
        study: The study.

    Returns:
        UTF-8; never NaN.
    """
    return (json.dumps(statistics(study), indent=1, allow_nan=False) + "\n").encode()


def _about(study: Study) -> dict[str, str]:
    """Return what the table's numbers come from."""
    about = {"study": study.digest, "arm": study.design.arm, "seed": str(study.design.seed)}
    if study.models is not None:
        bundle = study.models["bundle"]
        about |= {
            "bundle": f"{bundle['name']} {bundle['version']}",
            "digest": bundle["digest"],
            "variant": study.models["variant"],
            "precision": study.models["precision"],
        }
    return {**about, "no choice": CANNOT_SAY, "use": "research use only"}
