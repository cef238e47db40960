"""All systems of one variant: the members' heads, and the ensembles on top of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cxr_core.array import FloatArray
from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.heads.dense import Dense, layers_from_arrays
from cxr_core.heads.member import MemberHead, MemberState
from cxr_core.labels import MEMBERS


@dataclass(frozen=True, eq=False)
class HeadSetState:
    """One film's pass through all systems.

    Attributes:
        members: Member name to its state.
        logits: System name to shape (k,).
    """

    members: Mapping[str, MemberState]
    logits: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class HeadSet:
    """The heads of a bundle's variant: any members, and ensembles over all of them.

    Attributes:
        members: Member name to head, in the order in which the ensembles concatenate them.
        ensembles: `ensemble_probs` and `ensemble_dense` to their layer, where present.
    """

    members: Mapping[str, MemberHead]
    ensembles: Mapping[str, Dense] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an empty set, and ensembles whose width is not that of the members together."""
        if not self.members:
            msg = "`members` must name at least one member. Received: none"
            raise SpecMismatchError(msg)
        widths = {
            "ensemble_probs": sum(
                head.layers[-1].kernel.shape[1] for head in self.members.values()
            ),
            "ensemble_dense": sum(
                head.layers[-1].kernel.shape[0] for head in self.members.values()
            ),
        }
        for name, layer in self.ensembles.items():
            expected = widths.get(name)
            if layer.kernel.shape[0] != expected:
                msg = (
                    f"`{name}` must take {expected} values from {', '.join(self.members)}. "
                    f"Received: {layer.kernel.shape[0]}"
                )
                raise SpecMismatchError(msg)

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of all systems: members, then ensembles."""
        return (*self.members, *self.ensembles)

    def forward(self, features: Mapping[str, FloatArray]) -> HeadSetState:
        """Run every system on one film.

        Args:
            features: Member name to feature map (h, w, c).

        Returns:
            States of the members and logits of all systems.
        """
        states = {name: head.forward(features[name]) for name, head in self.members.items()}
        logits = {name: state.logits for name, state in states.items()}
        for name in self.ensembles:
            logits[name] = self.ensemble_logits(name, states)
        return HeadSetState(states, logits)

    def ensemble_logits(self, system: str, states: Mapping[str, MemberState]) -> FloatArray:
        """Return an ensemble's logits; leading axes of the states broadcast.

        Args:
            system: `ensemble_probs` or `ensemble_dense`.
            states: Member name to state.

        Returns:
            Shape (..., k).
        """
        parts = [
            states[name].probs if system == "ensemble_probs" else states[name].hidden
            for name in self.members
        ]
        blocks = zip(parts, self._blocks(system), strict=True)
        total = self.ensembles[system].bias
        for part, block in blocks:
            total = total + part @ block
        return np.asarray(total)

    def hidden_gradients(self, state: HeadSetState, system: str) -> dict[str, FloatArray]:
        """Return the derivative of a system's logits by each member's last hidden layer.

        Args:
            state: The forward pass in question.
            system: One of `systems`.

        Returns:
            Member name to shape (d_last, k); members that the system does not use are left out.

        Raises:
            NotApplicableError: If the set has no such system.
        """
        if system in self.members:
            return {system: self.members[system].layers[-1].kernel}
        if system not in self.ensembles:
            msg = f"`system` must be one of {self.systems}. Received: system={system!r}"
            raise NotApplicableError(msg)
        blocks = dict(zip(self.members, self._blocks(system), strict=True))
        if system == "ensemble_dense":
            return blocks
        gradients: dict[str, FloatArray] = {}
        for name, block in blocks.items():
            probs = state.members[name].probs
            jacobian = np.diag(probs) - np.outer(probs, probs)
            gradients[name] = self.members[name].layers[-1].kernel @ (jacobian @ block)
        return gradients

    def _blocks(self, system: str) -> list[FloatArray]:
        """Return the rows of an ensemble's kernel that belong to each member, in order."""
        axis = 1 if system == "ensemble_probs" else 0
        widths = [head.layers[-1].kernel.shape[axis] for head in self.members.values()]
        return list(np.split(self.ensembles[system].kernel, np.cumsum(widths)[:-1]))


def ensemble_from_arrays(arrays: Mapping[str, FloatArray]) -> Dense:
    """Build an ensemble's layer from stored arrays.

    Args:
        arrays: `logits/kernel` and `logits/bias`.

    Returns:
        The layer.

    Raises:
        SpecMismatchError: If an array is missing, unknown or does not fit.
    """
    (layer,) = layers_from_arrays(arrays, ["logits"])
    return layer


def in_member_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return member names in the order in which ensembles concatenate them.

    Args:
        names: Any names; those that are not of the five systems keep their order at the end.

    Returns:
        The same names.
    """
    known = [name for name in MEMBERS if name in names]
    return (*known, *(name for name in names if name not in MEMBERS))
