"""What helps each network here: precision, batch, threads, streams, one graph, a cache.

    python -m benchmarks.settings [--bundle DIR] [--variant NAME] [--films 8]

Every setting of a network runs on the same films in turn. `share` is the arithmetic of the network
(two operations a multiplication of a convolution or matrix product, counted from its graph) over
its time, against what a large matrix product in float32 reaches on this machine. `same` says
whether the features equal those of the engine's own setting in f32 to the last bit, or how far they
are apart, as a share of the largest. A second table holds the seconds to load all networks.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.noisy_films import SAMPLES
from cxr_core.array import Float32Array
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle, MemberEntry
from cxr_core.engine.openvino import OpenVinoEngine, import_openvino
from cxr_core.io import read_path
from cxr_core.preprocess import preprocess_batch

SIDE: Final = 4096
ROUNDS: Final = 5
SERVED: Final[Mapping[str, Any]] = {
    "INFERENCE_PRECISION_HINT": "f32",
    "PERFORMANCE_HINT": "LATENCY",
    "SNIPPETS_MODE": "DISABLE",
}
"""How `OpenVinoEngine` compiles."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One way to compile and to run a network.

    Attributes:
        title: Words for the table.
        properties: What differs from `SERVED`.
        n_batch: Films in one call.
        n_requests: Calls under way at once.
    """

    title: str
    properties: Mapping[str, Any]
    n_batch: int = 1
    n_requests: int = 1


SETTINGS: Final = (
    Setting("as served", {}),
    Setting("bf16, as served with that precision", {"INFERENCE_PRECISION_HINT": "bf16"}),
    Setting("element-wise steps fused at run time", {"SNIPPETS_MODE": "ENABLE"}),
    Setting("one thread", {"INFERENCE_NUM_THREADS": 1}),
    Setting("threads pinned to cores", {"ENABLE_CPU_PINNING": True}),
    Setting("2 films a call", {}, n_batch=2),
    Setting("4 films a call", {}, n_batch=4),
    Setting("8 films a call", {}, n_batch=8),
    Setting("8 films a call, bf16", {"INFERENCE_PRECISION_HINT": "bf16"}, n_batch=8),
    Setting(
        "2 streams, 2 calls at once", {"NUM_STREAMS": 2, "PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2
    ),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.settings")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant")
    parser.add_argument("--films", type=int, default=8)
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    members = bundle.variant(arguments.variant).members
    paths = sorted(SAMPLES.glob("*.png"))
    films = [read_path(paths[i % len(paths)]) for i in range(arguments.films)]
    ceiling = matrix_product()
    print(f"{platform.machine()}: {SIDE:,} by {SIDE:,} matrices, float32: {ceiling:.0f} GFLOP/s\n")
    print("| network | setting | ms a film | least to most | GFLOP/s | share | same |")
    print("|---|---|---:|---:|---:|---:|---|")
    for name, member in members.items():
        batch = preprocess_batch(films, member.preprocess)
        network_table(name, bundle.folder / member.network, batch, ceiling)
    print()
    one_graph(bundle, members, films)
    print()
    load_table(bundle, members)


def matrix_product() -> float:
    """Return the billions of operations a second of a large matrix product, the best of a few."""
    openvino = import_openvino()
    from openvino import opset13 as ops

    sides = [ops.parameter([SIDE, SIDE], np.float32) for _ in range(2)]
    product = openvino.Model([ops.matmul(*sides, transpose_a=False, transpose_b=False)], sides)
    request = openvino.Core().compile_model(product, "CPU", dict(SERVED)).create_infer_request()
    matrices = list(np.random.default_rng(0).random((2, SIDE, SIDE), np.float32))
    best = 0.0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        request.infer(matrices)
        best = max(best, 2 * SIDE**3 / (time.perf_counter() - started) / 1e9)
    return best


def network_table(name: str, path: Path, batch: Float32Array, ceiling: float) -> None:
    """Print one row a setting.

    Args:
        name: Of the network.
        path: Its `.xml`.
        batch: Films as it wants them, (n, h, w, 3).
        ceiling: From `matrix_product`.
    """
    expected = OpenVinoEngine(path).run(batch)
    runs: dict[Setting, Callable[[Float32Array], Float32Array]] = {}
    for setting in SETTINGS:
        try:
            runs[setting] = _compiled(path, setting)
        except RuntimeError as err:
            reason = str(err).strip().splitlines()[-1]
            print(f"| {name} | {setting.title} | cannot be compiled: {reason[:80]} | | | | |")
    times: dict[Setting, list[float]] = {setting: [] for setting in runs}
    for _ in range(ROUNDS):
        for setting, run in runs.items():
            started = time.perf_counter()
            n_films = len(run(batch))
            times[setting].append((time.perf_counter() - started) * 1e3 / n_films)
    n_operations = operations(path)
    for setting, run in runs.items():
        median = statistics.median(times[setting])
        rate = n_operations / median / 1e6
        print(
            f"| {name} | {setting.title} | {median:.1f} | {min(times[setting]):.1f} to "
            f"{max(times[setting]):.1f} | {rate:.0f} | {rate / ceiling:.0%} | "
            f"{_same(run(batch), expected)} |"
        )


def operations(path: Path) -> float:
    """Count the arithmetic of one film: two operations a multiplication.

    Args:
        path: A network's `.xml`.

    Returns:
        Operations of its convolutions and matrix products.
    """
    total = 0.0
    for node in _model(path, 1).get_ops():
        kind = node.get_type_name()
        if kind not in ("Convolution", "GroupConvolution", "MatMul"):
            continue
        out = float(np.prod(list(node.output(0).shape)))
        weights = list(node.input_value(1).shape)
        if kind == "MatMul":
            total += 2 * out * list(node.input_value(0).shape)[-1]
        else:
            # weights are (out, in, h, w), or (groups, out, in, h, w)
            total += 2 * out * float(np.prod(weights[-3:]))
    return total


def one_graph(bundle: Bundle, members: Mapping[str, MemberEntry], films: Sequence[Any]) -> None:
    """Print the time of all networks one after the other beside that of one joined graph.

    Args:
        bundle: A bundle.
        members: Its networks.
        films: Radiographs.
    """
    openvino = import_openvino()
    models = {name: _model(bundle.folder / entry.network, 1) for name, entry in members.items()}
    joined = openvino.Model(
        [result for model in models.values() for result in model.get_results()],
        [parameter for model in models.values() for parameter in model.get_parameters()],
    )
    request = openvino.Core().compile_model(joined, "CPU", dict(SERVED)).create_infer_request()
    engines = [OpenVinoEngine(bundle.folder / entry.network) for entry in members.values()]
    batches = [preprocess_batch(films, entry.preprocess) for entry in members.values()]
    apart, together = [], []
    for row in range(len(films)):
        inputs = [batch[row : row + 1] for batch in batches]
        started = time.perf_counter()
        for engine, image in zip(engines, inputs, strict=True):
            engine.run(image)
        apart.append((time.perf_counter() - started) * 1e3)
        started = time.perf_counter()
        request.infer(inputs)
        together.append((time.perf_counter() - started) * 1e3)
    ratio = statistics.median(np.array(together[1:]) / np.array(apart[1:]))
    print(
        f"All networks, one film: one after the other {statistics.median(apart[1:]):.1f} ms, as "
        f"one graph {statistics.median(together[1:]):.1f} ms: {ratio:.2f} times as long (median of "
        f"{len(films) - 1} films)."
    )
    started = time.perf_counter()
    for entry in dict.fromkeys(entry.preprocess for entry in members.values()):
        preprocess_batch(films, entry)
    prepared = (time.perf_counter() - started) * 1e3 / len(films)
    print(f"Preparing a film for them: {prepared:.1f} ms, which a merged graph could save at most.")


def load_table(bundle: Bundle, members: Mapping[str, MemberEntry]) -> None:
    """Print how long loading takes, alone, with weights on a disk, and from OpenVINO's cache.

    Args:
        bundle: A bundle.
        members: Its networks.
    """
    paths = [bundle.folder / entry.network for entry in members.values()]
    with tempfile.TemporaryDirectory() as cache:
        cached = {**SERVED, "CACHE_DIR": cache}
        ways: dict[str, Callable[[], object]] = {
            "one after the other": lambda: [OpenVinoEngine(path) for path in paths],
            "weights on a disk": lambda: [
                OpenVinoEngine(path, weights_on_disk=True) for path in paths
            ],
            "from OpenVINO's cache": lambda: [_from_cache(path, cached) for path in paths],
        }
        times: dict[str, list[float]] = {title: [] for title in ways}
        ways["from OpenVINO's cache"]()  # writes it
        for _ in range(ROUNDS):
            for title, load in ways.items():
                started = time.perf_counter()
                load()
                times[title].append(time.perf_counter() - started)
        size = sum(file.stat().st_size for file in Path(cache).rglob("*") if file.is_file()) / 1e6
    print("| loading all networks | s, median | least to most |\n|---|---:|---:|")
    for title, values in times.items():
        print(
            f"| {title} | {statistics.median(values):.2f} "
            f"| {min(values):.2f} to {max(values):.2f} |"
        )
    print(f"\nThe cache takes {size:.0f} MB.")


def _from_cache(path: Path, properties: Mapping[str, Any]) -> Any:
    """Compile a network with a cache folder."""
    core = import_openvino().Core()
    core.set_property(dict(properties))
    return core.compile_model(_model(path, 1), "CPU")


def _model(path: Path, n_batch: int) -> Any:
    """Read a network for a batch of this size."""
    model = import_openvino().Core().read_model(path)
    shape = list(model.input().partial_shape)[1:]
    model.reshape([n_batch, *(side.get_length() for side in shape)])
    return model


def _compiled(path: Path, setting: Setting) -> Callable[[Float32Array], Float32Array]:
    """Compile a network, and return what runs it on all films."""
    openvino = import_openvino()
    properties = {**SERVED, **setting.properties}
    compiled = openvino.Core().compile_model(_model(path, setting.n_batch), "CPU", properties)
    queue = openvino.AsyncInferQueue(compiled, setting.n_requests)

    def run(batch: Float32Array) -> Float32Array:
        found: dict[int, Float32Array] = {}
        queue.set_callback(
            lambda request, start: found.__setitem__(
                start, np.array(request.get_output_tensor().data)
            )
        )
        for start in range(0, len(batch) - setting.n_batch + 1, setting.n_batch):
            queue.start_async([batch[start : start + setting.n_batch]], start)
        queue.wait_all()
        return np.concatenate([found[start] for start in sorted(found)])

    run(_warm(compiled))
    return run


def _warm(compiled: Any) -> Float32Array:
    """Return a call's worth of an even picture."""
    return np.zeros(tuple(compiled.input().shape), np.float32)


def _same(found: Float32Array, expected: Float32Array) -> str:
    """Say how far features are apart."""
    expected = expected[: len(found)]
    if np.array_equal(found, expected):
        return "yes"
    return f"{np.abs(found - expected).max() / np.abs(expected).max():.1e}"


if __name__ == "__main__":
    main()
