"""Which films belong together, which are copies of each other, and how to split them by patient.

Films of one patient must never stand on both sides of a split. Patients are told by a manifest
where there is one, by Kermany's file names otherwise; copies that were cropped, scaled or saved
again are found by their pixels, whatever the names say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_core.array import BoolArray, Float32Array
from cxr_core.errors import TrainingDataError

HASH_SIDE: Final = 16
THUMBNAIL_SIDE: Final = 64
MAX_DIFFERING_BITS: Final = 10
"""Most bits of 256 in which the hashes of two near-duplicates differ."""
MIN_CORRELATION: Final = 0.98
"""Least correlation of the thumbnails of two near-duplicates."""

_KERMANY_NAMES = (
    re.compile(r"^(person\d+)_(?:bacteria|virus)_\d+$", re.IGNORECASE),
    re.compile(r"^((?:NORMAL2-)?IM-\d+)-\d+(?:-\d+)?$", re.IGNORECASE),
)


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What near-duplicates of a film share.

    Attributes:
        bits: Difference hash: is each pixel of a 16 by 17 reduction brighter than its left
            neighbour; shape (256,), bool.
        thumbnail: 64 by 64 reduction with mean 0 and length 1 (all 0 for a flat film), shape
            (4096,), float32.

    References:
        N. Krawetz, "Kind of Like That", 2013 (dHash), here with 256 bits.
    """

    bits: BoolArray
    thumbnail: Float32Array


def fingerprint(image: Float32Array) -> Fingerprint:
    """Reduce a film to its fingerprint.

    Args:
        image: Shape (h, w), any range.

    Returns:
        The fingerprint.
    """
    import cv2

    plain = np.ascontiguousarray(image, np.float32)
    small = cv2.resize(plain, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.resize(plain, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    vector = thumbnail.ravel() - thumbnail.mean()
    length = float(np.linalg.norm(vector))
    vector = vector / length if length > 0 else np.zeros_like(vector)
    return Fingerprint((small[:, 1:] > small[:, :-1]).ravel(), vector.astype(np.float32))


def near_duplicates(fingerprints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Find films that show the same exposure.

    A pair counts if its hashes differ in `MAX_DIFFERING_BITS` at most and its thumbnails correlate
    by `MIN_CORRELATION` at least. Both are needed: the hash alone also pairs films of two patients
    that are alike in pose.

    Args:
        fingerprints: One a film.

    Returns:
        Pairs (i, j) of positions, i < j, in that order.
    """
    if len(fingerprints) < 2:
        return []
    signs = np.stack([print_.bits for print_ in fingerprints]).astype(np.float32) * 2 - 1
    thumbnails = np.stack([print_.thumbnail for print_ in fingerprints])
    pairs = []
    chunk = 1024
    for start in range(0, len(signs), chunk):
        rows = slice(start, start + chunk)
        differing = (signs.shape[1] - signs[rows] @ signs.T) / 2
        close = (differing <= MAX_DIFFERING_BITS + 0.25) & (
            thumbnails[rows] @ thumbnails.T >= MIN_CORRELATION
        )
        pairs += [(start + int(i), int(j)) for i, j in np.argwhere(close) if start + i < j]
    return pairs


def kermany_patient(stem: str) -> str | None:
    """Return the patient that a file name of the Kermany set tells.

    Args:
        stem: File name without its suffix: `person12_virus_46`, `IM-0115-0001`,
            `NORMAL2-IM-0529-0001`.

    Returns:
        The part that names the patient, or `None` for other names.
    """
    for pattern in _KERMANY_NAMES:
        found = pattern.match(stem)
        if found:
            return found.group(1)
    return None


def join_groups(keys: Sequence[Hashable], pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Number the groups that films fall into by shared keys and by pairs.

    Args:
        keys: One a film; films with equal keys belong together.
        pairs: Positions of films that belong together whatever their keys.

    Returns:
        Group of each film, numbered from 0 in the order of first films.
    """
    parents = list(range(len(keys)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    first: dict[Hashable, int] = {}
    links = [(first.setdefault(key, i), i) for i, key in enumerate(keys)]
    for i, j in [*links, *pairs]:
        low, high = sorted((root(i), root(j)))
        parents[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(i), len(numbers)) for i in range(len(keys))]


def carve(
    labels: Sequence[str],
    groups: Sequence[int],
    digests: Sequence[str],
    shares: Mapping[str, float],
    *,
    seed: int,
    rest: str = "fit",
    kept: Collection[int] = (),
) -> list[str]:
    """Split films into parts, whole groups at a time, each class in the same shares.

    The result depends on the films' bytes and groups, not on their order or file names.

    Args:
        labels: Class of each film.
        groups: Group of each film.
        digests: Digest of each film's bytes.
        shares: Part name to its share of each class, in (0, 1), together below 1.
        seed: Another seed gives other parts.
        rest: Name of the part that gets what is left.
        kept: Groups that belong to `rest` whatever the shares. Where what is left of a class is
            less than its shares, each part gets as much less.

    Returns:
        Part of each film.

    Raises:
        ValueError: If the shares leave nothing, or are not positive.
        TrainingDataError: If all films are of one patient, so that nothing can be split.
    """
    if any(share <= 0 for share in shares.values()) or sum(shares.values()) >= 1:
        msg = f"`shares` must be positive and sum to less than 1. Received: {dict(shares)}"
        raise ValueError(msg)
    members: dict[int, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    if len(members) == 1:
        msg = (
            "`groups` must hold at least two patients to be split. "
            f"Received: {len(groups)} films of one patient"
        )
        raise TrainingDataError(msg, hint="Add films of other patients, or name the patients.")

    def rank(group: int) -> str:
        first = min(digests[i] for i in members[group])
        return hashlib.sha256(f"{seed}/{first}".encode()).hexdigest()

    part_of_group: dict[int, str] = {}
    for label in sorted(set(labels)):
        own = [g for g, films in members.items() if labels[min(films)] == label]
        n_films = sum(len(members[g]) for g in own)
        n_free = sum(len(members[g]) for g in own if g not in kept)
        room = min(1.0, n_free / (n_films * sum(shares.values())))
        wanted = {part: share * n_films * room for part, share in shares.items()}
        filled = dict.fromkeys(shares, 0)
        part_of_group |= {group: rest for group in own if group in kept}
        for group in sorted(set(own) - part_of_group.keys(), key=rank):
            part = next((p for p in shares if filled[p] < wanted[p]), rest)
            part_of_group[group] = part
            if part in filled:
                filled[part] += len(members[group])
    return [part_of_group[group] for group in groups]
