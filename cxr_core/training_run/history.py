"""What training measured, epoch by epoch: read as columns of numbers, smoothed for the eye.

A history may be read while it is being written, so a last row that is cut short is left out.
Nothing here needs pandas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.errors import SpecMismatchError

MAX_BYTES: Final = 8_000_000
"""Largest file that is read as a history or a record; both are far smaller."""

MEASURED: Final = ("loss", "accuracy", "val_loss", "val_accuracy")
"""Columns of which a history holds at least one."""

_MISSING: Final = frozenset({"", "na", "nan", "none", "null"})
HINT: Final = "Name a folder that `python -m train` has written."


@dataclass(frozen=True, eq=False)
class History:
    """One row an epoch, kept as columns.

    Attributes:
        columns: Column name to values, each of shape (n,), float64, NaN where nothing was measured;
            `epoch` rises strictly. Never change them.
    """

    columns: Mapping[str, Float64Array]

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.epochs)

    @property
    def epochs(self) -> Float64Array:
        """Epoch numbers as they were written, shape (n,)."""
        return self.columns["epoch"]

    def column(self, name: str) -> Float64Array:
        """Return one column, shape (n,); NaN throughout if it was not recorded."""
        return self.columns.get(name, np.full(len(self), np.nan))

    def at(self, name: str, epoch: int | None) -> float | None:
        """Return a column's value at an epoch, or `None` where there is none."""
        rows = np.flatnonzero(self.epochs == epoch)
        value = float(self.column(name)[rows[0]]) if len(rows) else np.nan
        return value if np.isfinite(value) else None

    @property
    def best_epoch(self) -> int | None:
        """Epoch of the lowest validation loss, the first of equals; `None` without one."""
        losses = self.column("val_loss")
        finite = np.flatnonzero(np.isfinite(losses))
        return int(self.epochs[finite[losses[finite].argmin()]]) if len(finite) else None


def history_from_rows(rows: Iterable[Mapping[str, Any]]) -> History:
    """Build a history from one mapping an epoch.

    Args:
        rows: Column name to number. An epoch that comes twice, as after a restart, counts as it
            was written last. Columns of words are left out.

    Returns:
        The history; without epochs if there are no rows.

    Raises:
        SpecMismatchError: If a row has no epoch, or a known column holds words.
    """
    by_epoch: dict[float, Mapping[str, Any]] = {}
    for number, row in enumerate(rows, start=1):
        epoch = _number(row.get("epoch")) if isinstance(row, Mapping) else None
        if epoch is None or not np.isfinite(epoch):
            msg = f"`epoch` of a history must be a number in every row. Received: none in {number}"
            raise SpecMismatchError(msg, hint=HINT)
        by_epoch[epoch] = row
    ordered = [by_epoch[epoch] for epoch in sorted(by_epoch)]
    columns = {"epoch": np.array(sorted(by_epoch), np.float64)}
    for name in dict.fromkeys(name for row in ordered for name in row if name != "epoch"):
        values = [_number(row.get(name)) for row in ordered]
        if None not in values:
            columns[name] = np.array(values, np.float64)
        elif name in MEASURED:
            msg = f"`{name}` of a history must be numbers. Received: words"
            raise SpecMismatchError(msg, hint=HINT)
    if ordered and not columns.keys() & set(MEASURED):
        msg = f"A history must have a column of {', '.join(MEASURED)}. Received: none of them"
        raise SpecMismatchError(msg, hint=HINT)
    return History(columns)


def parse_history(text: str) -> History:
    """Read a history from CSV text with a header; a last row that is cut short is left out.

    Args:
        text: Header and one line an epoch; `NA` or nothing where a value is missing.

    Returns:
        The history; without epochs if there is no whole row yet.

    Raises:
        SpecMismatchError: If it is not such a table.
    """
    lines = text.splitlines()
    if len(lines) < 2:
        return history_from_rows(())
    names, *table = list(csv.reader(io.StringIO("\n".join(lines))))
    if "epoch" not in names:
        msg = "A history must have a column `epoch`. Received: a table without it"
        raise SpecMismatchError(msg, hint=HINT)
    is_cut = not text.endswith(("\n", "\r")) and len(table[-1]) < len(names)
    rows = [row for row in (table[:-1] if is_cut else table) if row]
    ragged = [number for number, row in enumerate(rows, start=2) if len(row) != len(names)]
    if ragged:
        msg = f"A history must have {len(names)} values in each line. Received: others in line "
        raise SpecMismatchError(f"{msg}{ragged[0]}", hint=HINT)
    return history_from_rows(dict(zip(names, row, strict=True)) for row in rows)


def read_history(path: Path) -> History:
    """Read a history file.

    Args:
        path: A CSV file.

    Returns:
        The history.

    Raises:
        SpecMismatchError: If it cannot be read, is too large, or is not such a table.
    """
    try:
        return parse_history(read_text(path))
    except (ValueError, csv.Error) as err:
        msg = f"`{path.name}` must be a table of numbers. Received: {err}"
        raise SpecMismatchError(msg, hint=HINT) from err


def read_text(path: Path) -> str:
    """Return the text of a small UTF-8 file.

    Args:
        path: The file.

    Returns:
        Its text.

    Raises:
        SpecMismatchError: If it is missing, too large or not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as err:
        msg = f"`{path.name}` must be a readable file. Received: {err.strerror or err}"
        raise SpecMismatchError(msg, hint=HINT) from err
    except UnicodeDecodeError as err:
        msg = f"`{path.name}` must be text. Received: other bytes"
        raise SpecMismatchError(msg, hint=HINT) from err
    if len(data) > MAX_BYTES:
        msg = f"`{path.name}` must be at most {MAX_BYTES:,} bytes. Received: more"
        raise SpecMismatchError(msg, hint=HINT)
    return text


def smooth(values: Sequence[float] | Float64Array, weight: float) -> Float64Array:
    """Smooth a curve by an exponential moving average without the bias of its start.

    A value that is not finite stays as it is and does not enter the average; a constant curve
    stays constant.

    Args:
        values: Shape (n,).
        weight: Share that the past keeps, in [0, 1); 0 leaves the curve as it is.

    Returns:
        Shape (n,), float64, a copy.

    Raises:
        ValueError: If `weight` is outside [0, 1).

    Notes:
        With m_0 = 0 and m_t = w m_(t-1) + (1 - w) x_t, the result is m_t / (1 - w^t), as the
        scalar charts of TensorBoard draw it.

    References:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 3.
        TensorBoard 2.20, `line_chart_v2/data_transformer`, `classicSmoothing`.
    """
    if not 0.0 <= weight < 1.0:
        msg = f"`weight` must be in [0, 1). Received: weight={weight!r}"
        raise ValueError(msg)
    smoothed = np.array(values, np.float64)
    average = 0.0
    for n_seen, row in enumerate(np.flatnonzero(np.isfinite(smoothed)), start=1):
        average = weight * average + (1.0 - weight) * smoothed[row]
        smoothed[row] = average / (1.0 - weight ** int(n_seen))
    return smoothed


def _number(value: object) -> float | None:
    """Return a number, NaN for a missing one, or `None` for anything else."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None
