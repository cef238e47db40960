"""Is a film, however it was saved, one of those that the models were made from?

An index of 72 bytes a film goes with a bundle; the films themselves do not. A film is compared
with every entry as it is, cropped and padded, mirrored and inverted; the entries that come nearest
are then compared at every crop and small turn that brings them nearer still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray, Float32Array
from cxr_core.audit.fingerprint import (
    AS_IT_IS,
    EDGES,
    N_BITS,
    N_FREQUENCIES,
    Coefficients,
    Placement,
    coefficients,
    trimmed,
    working_copy,
)
from cxr_core.errors import SpecMismatchError

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle

FILE: Final = "fingerprints.safetensors"
"""Name of the index in a bundle."""

SCHEMA: Final = "cxr-fingerprints/1"
MAX_DIFFERING: Final = 115
"""Most of the 575 bits in which a film and its copy differ; measured in BENCHMARKS.md."""

_N_LOW: Final = 14
_N_NEAREST: Final = 4
_STEPS: Final = (0.03, 0.015, 0.0075)
_DEGREES_PER_SHARE: Final = 100.0
_MAX_ROUNDS: Final = 4

Signs = Float32Array


@dataclass(frozen=True)
class Match:
    """The entry of an index that a film is nearest to.

    Attributes:
        position: Position in the index.
        n_differing: Bits of `N_BITS` in which they differ.
        placement: The part of the film that fits the entry.
        split: Split of the entry, for example `train`.
    """

    position: int
    n_differing: int
    placement: Placement
    split: str

    @property
    def is_overlap(self) -> bool:
        """True if the film is taken for a copy of the entry."""
        return self.n_differing <= MAX_DIFFERING


def _start_placements() -> tuple[Placement, ...]:
    """Return where the search begins: sizes, shifts, mirrored, a little turned."""
    steps = (-0.05, 0.0, 0.05)
    found = [
        Placement(cut + x, cut + y, cut - x, cut - y, 0.0, is_mirrored)
        for cut in (0.0, -0.12, -0.06, 0.05, 0.10, 0.15)
        for x in steps
        for y in steps
        for is_mirrored in (False, True)
    ]
    turned = [Placement(angle_deg=d, is_mirrored=m) for d in (-5.0, 5.0) for m in (False, True)]
    return (AS_IT_IS, *(at for at in found if at != AS_IT_IS), *turned)


STARTS: Final = _start_placements()


class FingerprintIndex:
    """Fingerprints of some films.

    Args:
        mean: Mean coefficients of the films, shape (575,), float32.
        bits: Which coefficients are above the mean, shape (n, 575), bool.
        splits: Split of each film.

    Raises:
        ValueError: If the shapes do not fit.
    """

    def __init__(self, mean: Coefficients, bits: BoolArray, splits: Sequence[str]) -> None:
        if mean.shape != (N_BITS,) or bits.shape != (len(splits), N_BITS):
            msg = (
                f"`mean` and `bits` must have shapes ({N_BITS},) and (n, {N_BITS}). "
                f"Received: {mean.shape}, {bits.shape} and {len(splits)} splits"
            )
            raise ValueError(msg)
        self.mean = mean
        self.bits = bits
        self.splits = tuple(splits)
        rows, columns = np.divmod(np.arange(1, N_BITS + 1), N_FREQUENCIES)
        self._low = (rows < _N_LOW) & (columns < _N_LOW)
        self._signs = bits.astype(np.float32) * 2 - 1
        self._low_signs = self._signs[:, self._low]

    @classmethod
    def of(cls, found: Float32Array, splits: Sequence[str]) -> FingerprintIndex:
        """Make the index of some films.

        Args:
            found: Coefficients of each film as it is, shape (n, 575), n >= 1.
            splits: Split of each.

        Returns:
            The index.
        """
        mean = found.mean(axis=0, dtype=np.float64).astype(np.float32)
        return cls(mean, found > mean, splits)

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.bits)

    def nearest(self, image: Float32Array) -> Match | None:
        """Return the entry that a film is nearest to.

        Args:
            image: Shape (h, w), float32, any range.

        Returns:
            The match, whether near enough to be a copy or not; `None` for an empty index and for a
            film of one grey.
        """
        copy = working_copy(image)
        if not len(self) or copy.max() == copy.min():
            return None
        trim = trimmed(copy)
        starts = STARTS if trim is None else (*STARTS, trim)
        signs = np.stack([self._sign(copy, at) for at in starts])
        low = _differing(signs[:, self._low], self._low_signs)
        order = np.argsort(low.min(axis=0), kind="stable")[:_N_NEAREST].tolist()
        exact = int(_differing(signs[:1], self._signs)[0].argmin())
        found = [
            self._refined(copy, position, starts[int(low[:, position].argmin())])
            for position in dict.fromkeys([exact, *order])
        ]
        return min(found, key=lambda match: match.n_differing)

    def _refined(self, copy: Float32Array, position: int, start: Placement) -> Match:
        """Move edges and angle of a placement while that brings the film nearer to an entry."""
        signs = self._signs[position : position + 1]

        def differing(at: Placement) -> int:
            return int(_differing(self._sign(copy, at)[None], signs)[0, 0])

        best, least = min(
            ((at, differing(at)) for at in (AS_IT_IS, start)), key=lambda pair: pair[1]
        )
        for step in _STEPS:
            for _ in range(_MAX_ROUNDS):
                before = least
                for name in (*EDGES, "angle_deg"):
                    size = step * (_DEGREES_PER_SHARE if name == "angle_deg" else 1.0)
                    for by in (size, -size):
                        n = differing(best.moved(name, by))
                        if n < least:
                            best, least = best.moved(name, by), n
                if least == before:
                    break
        return Match(position, least, best, self.splits[position])

    def _sign(self, copy: Float32Array, at: Placement) -> Signs:
        """Return +1 where a coefficient is above the mean and -1 elsewhere."""
        return np.where(coefficients(copy, at) > self.mean, 1.0, -1.0).astype(np.float32)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the index as arrays for a file."""
        codes = {split: i for i, split in enumerate(sorted(set(self.splits)))}
        return {
            "mean": self.mean,
            "bits": np.packbits(self.bits, axis=1),
            "split": np.array([codes[split] for split in self.splits], np.uint8),
        }

    def save(self, path: Path) -> None:
        """Write the index.

        Args:
            path: A file that may be written.

        Raises:
            OSError: If it cannot be written.
        """
        from safetensors.numpy import save

        meta = {"schema": SCHEMA, "splits": ",".join(sorted(set(self.splits)))}
        path.write_bytes(save(self.arrays(), metadata=meta))

    @classmethod
    def load(cls, path: Path) -> FingerprintIndex:
        """Read an index.

        Args:
            path: What `save` wrote.

        Returns:
            The index.

        Raises:
            SpecMismatchError: If the file cannot be read or is of another schema.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                meta: Mapping[str, str] = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if meta.get("schema") != SCHEMA:
                msg = f"`{path.name}` must be of schema {SCHEMA}. Received: {meta.get('schema')!r}"
                raise SpecMismatchError(msg)
            bits = np.unpackbits(arrays["bits"], axis=1, count=N_BITS).astype(bool)
            names = meta["splits"].split(",")
            return cls(arrays["mean"], bits, [names[code] for code in arrays["split"].tolist()])
        except (OSError, SafetensorError, KeyError, IndexError, ValueError) as err:
            msg = f"`{path.name}` must hold fingerprints. Received: {err}"
            raise SpecMismatchError(msg) from err


def bundle_index(bundle: Bundle) -> FingerprintIndex | None:
    """Return the fingerprints that go with a bundle, or `None` where it has none.

    Args:
        bundle: A verified bundle.

    Returns:
        The index.

    Raises:
        SpecMismatchError: If it is of another schema.
    """
    if FILE not in bundle.files:
        return None
    return FingerprintIndex.load(bundle.folder / FILE)


def _differing(signs: Signs, others: Signs) -> Float32Array:
    """Count differing bits of each with each; an inverted film counts as the film."""
    n_bits = np.float32(signs.shape[1])
    return np.asarray((n_bits - np.abs(signs @ others.T)) / 2, np.float32)
