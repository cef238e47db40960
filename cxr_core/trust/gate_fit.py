"""Fit the refusal gate: distances from the films that models know, limits from unseen ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy.typing as npt

from cxr_core.errors import NotApplicableError
from cxr_core.labels import CLASSES
from cxr_core.trust.gate import Gate
from cxr_core.trust.gate_input import LAYOUT, as_rows, by_key
from cxr_core.trust.gate_limit import Limit, tolerance_limit
from cxr_core.trust.space import fit_space

if TYPE_CHECKING:
    from cxr_core.evaluate.reads import Reads


LEFT_OUT: Final = ("efficientnetb7",)
"""Members that the gate does without if it has others: measured with `benchmarks.gate`, distances
in the published EfficientNetB7's features add more noise than they tell."""

SHARE: Final = 0.03
"""Share of films like the unseen ones that limits let be refused at most, 95 % surely."""

N_LAYOUT_AXES: Final = 8
_LEAD: Final = "ensemble_dense"


def fit_gate(
    reference: Reads,
    unseen: Reads,
    *,
    lead: str | None = None,
    spaces: Sequence[str] | None = None,
    layouts: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
    share: float = SHARE,
) -> Gate:
    """Fit the gate of one variant.

    Args:
        reference: Films that the models were fitted to, with features; distances are from these.
        unseen: Films that no network and no head saw; limits come from these alone, since films
            that were seen lie nearer.
        lead: System whose class chooses the limit; `None` for the ensemble of dense layers, or the
            last system where there is none.
        spaces: `pooled/MEMBER` or `hidden/MEMBER`; `None` for the pooled features of all members
            but `LEFT_OUT`.
        layouts: Layout of the reference films and of the unseen ones, each (n, 36); `None` for a
            gate that looks at features alone.
        share: Largest share of films like the unseen ones that may be refused, in (0, 1).

    Returns:
        The gate. A class that fewer than `cxr_core.trust.gate_limit.MIN_FILMS` unseen films are
        called has no limit: such films are then neither passed nor refused.

    Raises:
        NotApplicableError: If there are no features, fewer than two reference films, or values
            that are not finite.
        SpecMismatchError: If reference and unseen films do not fit each other.
    """
    keys = list(spaces or _default_spaces(reference))
    if not keys:
        msg = "`reference` must have pooled features. Received: reads with logits alone"
        raise NotApplicableError(msg, hint="Fit the gate to reads made from the networks.")
    sources = by_key(reference.pooled, reference.hidden, None)
    fitted = {key: fit_space(as_rows(sources, key), reference.y_true) for key in keys}
    if layouts is not None:
        fitted[LAYOUT] = fit_space(
            layouts[0], reference.y_true, transform_name="none", n_axes=N_LAYOUT_AXES
        )
    chosen = lead or (_LEAD if _LEAD in reference.logits else reference.systems[-1])
    none_yet = {name: Limit(None, 0, "not set") for name in CLASSES}
    found = Gate(fitted, none_yet, chosen, len(reference)).of_reads(
        unseen, None if layouts is None else layouts[1]
    )
    limits = {
        name: tolerance_limit(found.score[found.called == k], share)
        for k, name in enumerate(CLASSES)
    }
    return Gate(fitted, limits, chosen, len(reference))


def _default_spaces(reads: Reads) -> list[str]:
    """Return the pooled features of the members that tell most."""
    names = [name for name in reads.pooled if name not in LEFT_OUT] or list(reads.pooled)
    return [f"pooled/{name}" for name in names]
