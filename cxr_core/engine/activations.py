"""Eight bits for what flows through a network: ranges measured once, put into the graph at loading.

The published networks hold 8-bit weights but compute in floating point. Where a file of ranges lies
beside a network, the values between its layers can be rounded to 256 levels too, and processors
with 8-bit instructions then multiply whole numbers. `python -m train activations` measures ranges;
`python -m benchmarks.precision` says what they cost.

References:
    Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only
    inference, CVPR 2018, equation 12 (what `FakeQuantize` computes).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.errors import ArtifactIntegrityError

SCHEMA: Final = "cxr-activation-ranges/1"
N_LEVELS: Final = 256


@dataclass(frozen=True)
class Range:
    """What one value of a network is rounded to.

    Attributes:
        source: Name of the operation that makes the value.
        consumers: Names of the operations that read it rounded, and which of their inputs.
        low: Smallest level.
        high: Largest level, above `low`.
    """

    source: str
    consumers: tuple[tuple[str, int], ...]
    low: float
    high: float


def ranges_path(xml_path: Path) -> Path:
    """Return where the ranges of a network lie, there or not.

    Args:
        xml_path: The network's `.xml`.

    Returns:
        The path of the `.activations.json` beside it.
    """
    return xml_path.with_suffix(".activations.json")


def write_ranges(path: Path, ranges: Sequence[Range], *, n_films: int) -> None:
    """Write ranges as JSON.

    Args:
        path: From `ranges_path`.
        ranges: The ranges.
        n_films: Number of films that they were measured on.
    """
    rows = [
        {"source": r.source, "consumers": r.consumers, "low": r.low, "high": r.high} for r in ranges
    ]
    content = {"schema": SCHEMA, "n_films": n_films, "ranges": rows}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_ranges(path: Path) -> tuple[Range, ...]:
    """Read ranges.

    Args:
        path: A file of `write_ranges`.

    Returns:
        The ranges.

    Raises:
        ArtifactIntegrityError: If it is not such a file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            msg = f"{path.name}: `schema` must be {SCHEMA}. Received: {content['schema']!r}"
            raise ArtifactIntegrityError(msg)
        found = tuple(
            Range(
                str(row["source"]),
                tuple((str(name), int(index)) for name, index in row["consumers"]),
                float(row["low"]),
                float(row["high"]),
            )
            for row in content["ranges"]
        )
    except (OSError, ValueError, KeyError, TypeError) as err:
        msg = f"{path.name}: the ranges must be readable JSON. Received: {type(err).__name__}"
        raise ArtifactIntegrityError(msg) from err
    for one in found:
        if not (math.isfinite(one.low) and math.isfinite(one.high) and one.low < one.high):
            msg = (
                f"{path.name}: `low` must be below `high`. "
                f"Received: {one.low} and {one.high} for {one.source}"
            )
            raise ArtifactIntegrityError(msg)
    return found


def round_activations(model: Any, ranges: Sequence[Range]) -> None:
    """Round values of a network, in place.

    Args:
        model: `openvino.Model`.
        ranges: Which, and to what.

    Raises:
        ArtifactIntegrityError: If the network has no such operation or input.
    """
    from openvino import opset13 as ops

    nodes = {node.get_friendly_name(): node for node in model.get_ops()}
    for one in ranges:
        names = {one.source, *(name for name, _ in one.consumers)}
        if missing := sorted(names - nodes.keys()):
            msg = f"`ranges` must be of this network. Received: no operation {missing[0]!r}"
            raise ArtifactIntegrityError(msg)
        source = nodes[one.source].output(0)
        low, high = (ops.constant(np.float32(value)) for value in (one.low, one.high))
        rounded = ops.fake_quantize(source, low, high, low, high, N_LEVELS)
        for name, index in one.consumers:
            node = nodes[name]
            if index >= node.get_input_size() or node.input_value(index) != source:
                msg = f"`ranges` must be of this network. Received: input {index} of {name!r}"
                raise ArtifactIntegrityError(msg)
            node.input(index).replace_source_output(rounded.output(0))
