"""Films in blocks: what a machine does with some of many films, whatever brings them there.

A block is an Arrow table. `decode_block` turns a block of a listing into grey images at the
networks' sizes, `BlockReader` lets the networks read them and writes a part. Each step is that of
`cxr_core.batch.score`; Ray maps them in `cxr_core.ray_batch`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from cxr_core.array import Float32Array
from cxr_core.batch.item import Item
from cxr_core.batch.listing import listed_items
from cxr_core.batch.loader import Loaded, Loader
from cxr_core.batch.part import Digests, Parts
from cxr_core.batch.plan import Load, Plan, load_predictor
from cxr_core.batch.record import Record
from cxr_core.batch.table import row, table_systems
from cxr_core.io import LIMITS, Limits
from cxr_core.preprocess import PreprocessSpec, Shrunk, shrink, unscaled
from cxr_core.radiograph import Notice

if TYPE_CHECKING:
    from cxr_core.predict import Predictor

_OUTCOME: Final = (
    ("position", pa.int64()),
    ("sha256", pa.string()),
    ("error", pa.string()),
)

_LAYOUT: Final = "layout"
_NOTICES: Final = "notices"


@dataclass(frozen=True, eq=False)
class DecodePlan:
    """What decoding needs to know.

    Attributes:
        specs: What the networks take.
        known: Films that were read before; they are not decoded.
        limits: Largest file and largest film.
    """

    specs: tuple[PreprocessSpec, ...]
    known: Digests
    limits: Limits = LIMITS


def decode_block(block: pa.Table, plan: DecodePlan) -> pa.Table:
    """Decode the films of a block.

    Args:
        block: From `listing_blocks`.
        plan: What it is done for.

    Returns:
        Columns `position`, `name`, `sha256`, `error` (a whole record as JSON, or null), `notices`,
        `layout` and one column of bytes (float32) a distinct grey image. A film without images is
        in error, known, or a copy of another one in the block.
    """
    shape = partial(shrink, specs=plan.specs)
    loader: Loader[Shrunk] = Loader(shape, limits=plan.limits, store=plan.known)
    sizes = grey_sizes(plan.specs)
    decoded: set[str] = set()
    rows = []
    for position, item in listed_items(block):
        loaded = loader.load(item)
        digest = loaded.sha256
        is_copy = digest is not None and (digest in plan.known or digest in decoded)
        if loaded.prepared is None and loaded.error is None and not is_copy:
            loaded = loader.decode(item)  # a copy of a film in error says so under its own name
        if loaded.prepared is not None:
            decoded.add(loaded.prepared.sha256)
        rows.append({"position": position, "name": item.name, **_decoded(item, loaded, sizes)})
    return pa.Table.from_pylist(rows, _decoded_schema(sizes))


def _decoded(
    item: Item, loaded: Loaded[Shrunk], sizes: Mapping[str, PreprocessSpec]
) -> dict[str, Any]:
    """Return what came of one item, in values."""
    values: dict[str, Any] = {"sha256": loaded.sha256}
    if loaded.error is not None:
        record = Record.from_error(item.name, loaded.error, sha256=loaded.sha256)
        values["error"] = json.dumps(record.content)
    if loaded.prepared is not None:
        film = loaded.prepared
        values[_NOTICES] = json.dumps([asdict(notice) for notice in film.notices])
        values[_LAYOUT] = film.layout.tobytes()
        values |= {name: film.images[spec].tobytes() for name, spec in sizes.items()}
    return values


def grey_sizes(specs: Sequence[PreprocessSpec]) -> dict[str, PreprocessSpec]:
    """Return the columns of the grey images that some networks share.

    Args:
        specs: What the networks take.

    Returns:
        Column name to spec without scaling.
    """
    return {f"image_{n}": spec for n, spec in enumerate(dict.fromkeys(map(unscaled, specs)))}


def _decoded_schema(sizes: Mapping[str, PreprocessSpec]) -> pa.Schema:
    """Return the schema of a decoded block."""
    binaries = [(name, pa.binary()) for name in (_LAYOUT, *sizes)]
    texts = [("name", pa.string()), (_NOTICES, pa.string())]
    return pa.schema([*_OUTCOME, *texts, *binaries])


def encoded_films(
    block: pa.Table, sizes: Mapping[str, PreprocessSpec]
) -> Iterator[tuple[int, str, Shrunk]]:
    """Turn a decoded block into films again.

    Args:
        block: From `decode_block`.
        sizes: From `grey_sizes`.

    Yields:
        Position, name and film of those that have images; arrays are views, not to be changed.
    """
    names = (_LAYOUT, *sizes)
    columns = {name: block.column(name).combine_chunks() for name in names}
    texts = block.select(["position", "name", "sha256", _NOTICES]).to_pylist()
    for index, values in enumerate(texts):
        if values[_NOTICES] is None:
            continue
        arrays = {name: _floats(columns[name], index) for name in names}
        images = {
            spec: arrays[name].reshape(spec.height_px, spec.width_px)
            for name, spec in sizes.items()
        }
        notices = tuple(Notice(**notice) for notice in json.loads(values[_NOTICES]))
        film = Shrunk(values["sha256"], notices, images, arrays[_LAYOUT])
        yield values["position"], values["name"], film


def _floats(column: pa.Array, index: int) -> Float32Array:
    """Return one cell of bytes as numbers, without a copy."""
    return np.frombuffer(column[index].as_buffer(), np.float32)


class BlockReader:
    """The networks of one process: reads decoded blocks and writes a part for each.

    Args:
        plan: Which models.
        parts: Where the parts go.
        load: How the models are loaded, once, with the first block that holds a film to be read.
    """

    def __init__(self, plan: Plan, parts: Parts, load: Load = load_predictor) -> None:
        self._plan = plan
        self._parts = parts
        self._load = load
        self._predictor: Predictor | None = None

    def __call__(self, block: pa.Table) -> pa.Table:
        """Read the films of a block.

        Args:
            block: From `decode_block`.

        Returns:
            Columns `position`, `sha256`, `error`, `is_read` (by the networks, now), `part` (the
            name of the file that holds the readings, or null).

        Raises:
            CxrError: If the models are not those of the plan.
            OutputError: If the part cannot be written.
        """
        rows = {}
        if block.column(_NOTICES).null_count < len(block):
            rows = self._rows(block)
        part = self._parts.write(min(rows), list(rows.values())) if rows else None
        positions = block.column("position").to_pylist()
        outcome = block.select([name for name, _ in _OUTCOME])
        is_read = pa.array([position in rows for position in positions], pa.bool_())
        named = pa.array([part] * len(positions), pa.string())
        return outcome.append_column("is_read", is_read).append_column("part", named)

    def _rows(self, block: pa.Table) -> dict[int, dict[str, Any]]:
        """Let the networks read a block; return the row of each film by its position."""
        if self._predictor is None:
            self._predictor = self._load(self._plan)
        predictor = self._predictor
        systems, specs = table_systems(predictor.systems), predictor.specs
        rows = {}
        for position, name, film in encoded_films(block, grey_sizes(specs)):
            prepared = film.prepared(specs)
            record = Record.from_answer(name, prepared, predictor.answer(prepared))
            rows[position] = row(record, systems)
        return rows
