"""What every system says of a set of labelled films: the one table that all evidence comes from.

Calibration, refusal thresholds, figures, curves and audits are computed from `Reads`, so a page can
answer a new question (another prevalence, another cost, another threshold) without a network. No
file name, no patient's name: films are known by the SHA-256 of their bytes, patients by numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array, Float64Array, IntArray
from cxr_core.errors import SpecMismatchError
from cxr_core.heads import HeadSet, softmax
from cxr_core.labels import CLASSES, N_CLASSES

SCHEMA: Final = "cxr-reads/1"
GROUPINGS: Final = ("source", "view", "subtype", "age_band")
"""What films may be grouped by besides their class; words of a manifest, empty where unknown."""


@dataclass(frozen=True, eq=False)
class FilmList:
    """The films of a set.

    Attributes:
        sha256: Digest of each film's bytes, in hex.
        y_true: Class index of each film, shape (n,), int64.
        patient: Number of each film's patient, from 0 in the order of first films, shape (n,).
        patients_from: What told the patients: `manifest`, `DICOM headers`, `file names` or `none`.
        groups: Grouping (one of `GROUPINGS`) to one word a film; groupings nobody told are absent.
        unreadable: Path below the folder and reason of each file that could not be read; empty in
            what is published.
    """

    sha256: tuple[str, ...]
    y_true: IntArray
    patient: IntArray
    patients_from: str
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        n = len(self.sha256)
        sizes = {len(self.y_true), len(self.patient), *map(len, self.groups.values())}
        if sizes != {n}:
            msg = f"`y_true`, `patient` and `groups` must have {n} entries. Received: {sizes}"
            raise ValueError(msg)
        if n and not 0 <= self.y_true.min() <= self.y_true.max() < N_CLASSES:
            msg = f"`y_true` must be in [0, {N_CLASSES}). Received: {np.unique(self.y_true)}"
            raise ValueError(msg)

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.sha256)

    @property
    def n_patients(self) -> int:
        """Number of different patients."""
        return len(np.unique(self.patient))

    @property
    def n_by_class(self) -> dict[str, int]:
        """Class name to number of films."""
        return {name: int((self.y_true == k).sum()) for k, name in enumerate(CLASSES)}

    def take(self, rows: npt.NDArray[Any]) -> FilmList:
        """Return some of the films.

        Args:
            rows: Indices or a mask.

        Returns:
            A new list; patients keep their numbers.
        """
        chosen = np.arange(len(self))[rows]
        return replace(
            self,
            sha256=tuple(self.sha256[i] for i in chosen),
            y_true=self.y_true[chosen],
            patient=self.patient[chosen],
            groups={name: tuple(words[i] for i in chosen) for name, words in self.groups.items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the films as JSON-ready values, without paths of unreadable files."""
        return {
            "schema": SCHEMA,
            "classes": list(CLASSES),
            "sha256": list(self.sha256),
            "y_true": self.y_true.tolist(),
            "patient": self.patient.tolist(),
            "patients_from": self.patients_from,
            "groups": {name: list(words) for name, words in self.groups.items()},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> FilmList:
        """Build the films from `to_dict`'s values.

        Args:
            content: JSON object.

        Returns:
            The films.

        Raises:
            SpecMismatchError: If the object is of another schema or contradicts itself.
        """
        try:
            if content["schema"] != SCHEMA or tuple(content["classes"]) != CLASSES:
                msg = f"`films` must be of schema {SCHEMA}. Received: {content['schema']}"
                raise SpecMismatchError(msg)
            return cls(
                tuple(map(str, content["sha256"])),
                np.array(content["y_true"], np.int64),
                np.array(content["patient"], np.int64),
                str(content["patients_from"]),
                {name: tuple(map(str, words)) for name, words in content["groups"].items()},
            )
        except (KeyError, TypeError, ValueError) as err:
            msg = f"`films` must have every field of {SCHEMA}. Received: {err!r}"
            raise SpecMismatchError(msg) from err


@dataclass(frozen=True, eq=False)
class Reads:
    """What the systems of one variant say of a set of films, before any calibration.

    Attributes:
        films: The films.
        logits: System name to logits, shape (n, 3), float64, in class order; members first.
        hidden: Member name to its last hidden layer after ReLU, shape (n, d), float32; may be
            empty where only logits were kept.
        pooled: Member name to the mean of its feature map, shape (n, c), float32; may be empty.
    """

    films: FilmList
    logits: Mapping[str, Float64Array]
    hidden: Mapping[str, Float32Array] = field(default_factory=dict)
    pooled: Mapping[str, Float32Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.films)
        for name, values in self.logits.items():
            if values.shape != (n, N_CLASSES):
                msg = (
                    f"`logits` must have shape ({n}, {N_CLASSES}). Received: {name} {values.shape}"
                )
                raise ValueError(msg)
        for kind in (self.hidden, self.pooled):
            for name, rows in kind.items():
                if rows.ndim != 2 or len(rows) != n:
                    msg = f"`hidden` and `pooled` must have {n} rows. Received: {name} {rows.shape}"
                    raise ValueError(msg)

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.films)

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in display order."""
        return tuple(self.logits)

    @property
    def y_true(self) -> IntArray:
        """Class index of each film, shape (n,)."""
        return self.films.y_true

    @property
    def patient(self) -> IntArray:
        """Number of each film's patient, shape (n,)."""
        return self.films.patient

    def probs(self, system: str) -> Float64Array:
        """Return the uncalibrated probabilities of one system, shape (n, 3), float64."""
        return np.asarray(softmax(self.logits[system]), np.float64).reshape(-1, N_CLASSES)

    def take(self, rows: npt.NDArray[Any]) -> Reads:
        """Return the reads of some of the films.

        Args:
            rows: Indices or a mask.

        Returns:
            New reads.
        """
        return Reads(
            self.films.take(rows),
            {name: values[rows] for name, values in self.logits.items()},
            {name: values[rows] for name, values in self.hidden.items()},
            {name: values[rows] for name, values in self.pooled.items()},
        )


Features = Mapping[str, Float32Array]
"""Member name to feature map (h, w, c) of one film."""


class Collector:
    """Runs the heads on one film after the other and keeps what `Reads` needs, not the maps.

    Args:
        heads: The heads of one variant.
    """

    def __init__(self, heads: HeadSet) -> None:
        self._heads = heads
        self._logits: dict[str, list[Float64Array]] = {name: [] for name in heads.systems}
        self._hidden: dict[str, list[Float32Array]] = {name: [] for name in heads.members}
        self._pooled: dict[str, list[Float32Array]] = {name: [] for name in heads.members}

    def add(self, features: Features) -> None:
        """Take in one film.

        Args:
            features: Member name to feature map (h, w, c).
        """
        state = self._heads.forward(features)
        for name, logits in state.logits.items():
            self._logits[name].append(np.asarray(logits, np.float64))
        for name, member in state.members.items():
            self._hidden[name].append(np.asarray(member.hidden, np.float32))
            self._pooled[name].append(features[name].mean(axis=(0, 1), dtype=np.float32))

    def reads(self, films: FilmList) -> Reads:
        """Return what was collected.

        Args:
            films: The films that were taken in, in order.

        Returns:
            The reads.
        """
        return Reads(
            films,
            {name: np.reshape(rows, (-1, N_CLASSES)) for name, rows in self._logits.items()},
            {name: _stacked(rows) for name, rows in self._hidden.items()},
            {name: _stacked(rows) for name, rows in self._pooled.items()},
        )


def _stacked(rows: Sequence[Float32Array]) -> Float32Array:
    """Stack one row a film, or return no rows."""
    return np.stack(rows) if rows else np.empty((0, 0), np.float32)
