"""How well two masks agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def dice(mask: npt.NDArray[Any], truth: npt.NDArray[Any]) -> float:
    """Return the Dice coefficient of two masks.

    Args:
        mask: Any shape; what is not 0 belongs to it.
        truth: The same shape.

    Returns:
        Twice the common area over the sum of both, in [0, 1]; 1 for two empty masks.

    Raises:
        ValueError: If the shapes differ.

    References:
        Dice 1945, doi:10.2307/1932409.
    """
    if mask.shape != truth.shape:
        msg = f"`mask` and `truth` must have one shape. Received: {mask.shape} and {truth.shape}"
        raise ValueError(msg)
    own, other = np.asarray(mask, bool), np.asarray(truth, bool)
    both = int(own.sum()) + int(other.sum())
    return 2 * int((own & other).sum()) / both if both else 1.0
