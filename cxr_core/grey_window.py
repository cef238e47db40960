"""`Window`, how the values of a film become brightness: linear, sigmoid or by a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float64Array

LINEAR: Final = "LINEAR"
SIGMOID: Final = "SIGMOID"
TABLE: Final = "TABLE"
FUNCTIONS: Final = (LINEAR, SIGMOID, TABLE)

_FULL: Final = 65535
_EXACT: Final = "LINEAR_EXACT"


@dataclass(frozen=True)
class Window:
    """Which values of a film show as black and as white, and how it goes from one to the other.

    Attributes:
        name: What the page calls it.
        low: Value of the black end. Below it `LINEAR` and `TABLE` stay as they are at `low`.
        high: Value of the white end; above `low`.
        function: `LINEAR`, `SIGMOID` (never quite black or white; `low` and `high` are where its
            middle tangent meets them) or `TABLE`.
        table: For `TABLE`, the brightness at equal steps from `low` to `high`: at least two native
            uint16 values, of which 65,535 is white.
    """

    name: str
    low: float
    high: float
    function: str = LINEAR
    table: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        """Refuse a window without width, and a table where none belongs."""
        if not self.high > self.low:
            msg = f"`high` must be above `low`. Received: low={self.low}, high={self.high}"
            raise ValueError(msg)
        if self.function not in FUNCTIONS:
            msg = f"`function` must be one of {FUNCTIONS}. Received: function={self.function!r}"
            raise ValueError(msg)
        n_bytes = len(self.table)
        if (self.function == TABLE) != (n_bytes >= 4) or n_bytes % 2:
            msg = (
                "`table` must hold two or more uint16 values for TABLE and nothing else. "
                f"Received: function={self.function!r} with {n_bytes} bytes"
            )
            raise ValueError(msg)

    @classmethod
    def from_dicom(
        cls, center: float, width: float, name: str = "DICOM", *, function: str = LINEAR
    ) -> Window:
        """Make a window from DICOM's centre and width.

        Args:
            center: WindowCenter (0028,1050), in values after the modality LUT.
            width: WindowWidth (0028,1051); at least 1 for `LINEAR`, above 0 for the others.
            name: What the page should call it.
            function: VOILUTFunction (0028,1056): `LINEAR`, `LINEAR_EXACT` or `SIGMOID`.

        Returns:
            The window. A `LINEAR` width of 1 is a step, drawn between two whole values.

        Raises:
            ValueError: If the numbers are not finite, the width is too small or the function is
                not one of the three.

        References:
            DICOM PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2.
        """
        if function not in (LINEAR, _EXACT, SIGMOID):
            msg = f"`function` must be LINEAR, LINEAR_EXACT or SIGMOID. Received: {function!r}"
            raise ValueError(msg)
        if not (math.isfinite(center) and math.isfinite(width)):
            msg = f"`center` and `width` must be finite. Received: {center}, {width}"
            raise ValueError(msg)
        if width < 1.0 if function == LINEAR else width <= 0.0:
            least = "at least 1" if function == LINEAR else "above 0"
            msg = f"`width` must be {least} for {function}. Received: width={width}"
            raise ValueError(msg)
        if function != LINEAR:
            kind = SIGMOID if function == SIGMOID else LINEAR
            return cls(name, center - width / 2.0, center + width / 2.0, kind)
        middle, half = center - 0.5, (width - 1.0) / 2.0
        return cls(name, middle - half, middle + (half or 0.25))

    @classmethod
    def from_table(
        cls, entries: npt.NDArray[Any], first: float, white: float, name: str = "DICOM"
    ) -> Window:
        """Make a window from a lookup table.

        Args:
            entries: Shape (n,), n at least 2: what is shown at `first`, `first` + 1 and so on.
            first: Value of the first entry; values below it take that entry.
            white: Entry that is white; zero is black. Larger entries are white too.
            name: What the page should call it.

        Returns:
            The window.

        References:
            DICOM PS3.3 C.11.2.1.1.
        """
        shares = np.clip(np.asarray(entries, np.float64) / white, 0.0, 1.0)
        table = np.rint(shares * _FULL).astype(np.uint16).tobytes()
        return cls(name, float(first), float(first + len(entries) - 1), TABLE, table)

    def brightness(self, values: npt.NDArray[Any]) -> Float64Array:
        """Return how bright values are.

        Args:
            values: Any shape, values of the film; finite.

        Returns:
            A new array of the same shape, float64 in [0, 1].
        """
        shares = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        if self.function == SIGMOID:
            steps = np.clip(-4.0 * (shares - 0.5), -700.0, 700.0)  # so that exp stays finite
            return np.asarray(1.0 / (1.0 + np.exp(steps)), np.float64)
        np.clip(shares, 0.0, 1.0, out=shares)
        if self.function == LINEAR:
            return shares
        table = np.frombuffer(self.table, np.uint16) / _FULL
        place = shares * (len(table) - 1)
        return np.interp(place, np.arange(len(table)), table)
