"""How fast many films are scored beside what the networks alone could do, and in which memory.

    python -m benchmarks.throughput [--n 2000] [--block 100] [--bundle DIR] [--variant NAME]

Films are synthetic samples with noise, written to a temporary folder. First every network is timed
at several batch sizes, to find the best. Then `score` reads all films; after each block of them the
networks alone read some at their best batch sizes, so that both are timed under the same load of
the machine. The share is the quotient of the two, with an interval from the blocks. Where other
processes want the cores too, times depend on how many threads ask for them, so the processor's own
time is printed beside: what `score` adds to the networks in work.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.noisy_films import noisy_films
from cxr_core.array import Float32Array
from cxr_core.batch import MemoryStore, list_items, score_items
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.engine.openvino import import_openvino
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from cxr_core.preprocess import prepare

BATCH_SIZES: Final = (1, 2, 4, 8)
N_PREPARED: Final = 8
_ROUNDS: Final = 3
_PASSES: Final = 2

Inputs = Float32Array
Run = Callable[[Inputs], None]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput")
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--block", type=int, default=100)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant")
    arguments = parser.parse_args(argv)
    predictor = Predictor(Bundle.load(arguments.bundle), variant=arguments.variant)
    with tempfile.TemporaryDirectory() as folder:
        write_films(Path(folder), arguments.n)
        best = best_runs(predictor, Path(folder))
        blocks = score_blocks(predictor, Path(folder), best, arguments.block)
    print_blocks(blocks)


def write_films(folder: Path, n_films: int) -> None:
    """Write films of 512 by 512: the synthetic samples in turn, with noise.

    Args:
        folder: Where they go.
        n_films: How many.
    """
    for n, film in enumerate(noisy_films(n_films)):
        (folder / f"film-{n:05}.png").write_bytes(film)


def best_runs(predictor: Predictor, folder: Path) -> dict[str, tuple[Run, Inputs]]:
    """Time every network at several batch sizes, print it, and keep the best.

    Args:
        predictor: Its engines run at a batch of one.
        folder: Films.

    Returns:
        Member name to what runs it on a batch, and the batch of `N_PREPARED` films.
    """
    films = [
        prepare(read_path(item), predictor.specs) for item in sorted(folder.iterdir())[:N_PREPARED]
    ]
    print("| network | batch | ms a film |\n|---|---:|---:|")
    best: dict[str, tuple[Run, Inputs]] = {}
    for name, member in predictor.members.items():
        batch = np.concatenate([film.inputs[member.preprocess] for film in films])
        runs = {size: _run_of(predictor, name, size) for size in BATCH_SIZES}
        times: dict[int, list[float]] = {size: [] for size, run in runs.items() if run}
        for _ in range(_ROUNDS + 1):
            for size in times:
                run = runs[size]
                if run is not None:
                    times[size].append(_timed(partial(run, batch)) / N_PREPARED)
        medians = {size: float(np.median(values[1:])) for size, values in times.items()}
        for size in BATCH_SIZES:
            words = f"{medians[size] * 1e3:.1f}" if size in medians else "does not compile"
            print(f"| {name} | {size} | {words} |")
        chosen = runs[min(medians, key=medians.__getitem__)]
        if chosen is not None:
            best[name] = (chosen, batch)
    return best


def _run_of(predictor: Predictor, name: str, size: int) -> Run | None:
    """Return what runs a network at a batch size; `None` where it does not compile."""
    member = predictor.members[name]
    openvino = import_openvino()
    core = openvino.Core()
    try:
        model = core.read_model(predictor.bundle.folder / member.network)
        model.reshape([size, *(dim.get_length() for dim in list(model.input().partial_shape)[1:])])
        config = {
            "INFERENCE_PRECISION_HINT": predictor.precision,
            "PERFORMANCE_HINT": "LATENCY",
            "SNIPPETS_MODE": "DISABLE",
        }
        request = core.compile_model(model, "CPU", config).create_infer_request()
    except RuntimeError:
        return None

    def run(batch: Inputs) -> None:
        for start in range(0, len(batch), size):
            request.infer([batch[start : start + size]])

    return run


@dataclass(frozen=True)
class Block:
    """What was measured over some films.

    Attributes:
        n_done: Films done at its end.
        score_s: Seconds a film that `score` took.
        networks_s: Seconds a film that the networks alone took right after.
        score_cpu_s: Seconds a film of all cores together, for `score`.
        networks_cpu_s: The same for the networks alone.
        memory_mb: Memory of the process at its end, resident.
    """

    n_done: int
    score_s: float
    networks_s: float
    score_cpu_s: float
    networks_cpu_s: float
    memory_mb: float


def score_blocks(
    predictor: Predictor, folder: Path, best: dict[str, tuple[Run, Inputs]], n_block: int
) -> list[Block]:
    """Score all films, and let the networks alone read some after each block.

    Args:
        predictor: The models.
        folder: Films.
        best: From `best_runs`.
        n_block: Films a block.

    Returns:
        The blocks; the first one warms up and is left out of the share.
    """
    blocks = []
    items = list_items([folder]).items
    store = MemoryStore()
    for start in range(0, len(items), n_block):
        own = items[start : start + n_block]
        records = score_items(predictor, own, store=store)  # begun and ended in its own block
        cpu_s = [time.process_time()]
        score_s = _timed(partial(deque, records, 0)) / len(own)
        cpu_s.append(time.process_time())
        networks_s = _timed(partial(_run_all, best)) / (N_PREPARED * _PASSES)
        cpu_s.append(time.process_time())
        cpus = (cpu_s[1] - cpu_s[0]) / len(own), (cpu_s[2] - cpu_s[1]) / (N_PREPARED * _PASSES)
        blocks.append(Block(start + len(own), score_s, networks_s, *cpus, _resident_mb()))
    return blocks


def _run_all(best: dict[str, tuple[Run, Inputs]]) -> None:
    """Let every network read the prepared films."""
    for _ in range(_PASSES):
        for run, batch in best.values():
            run(batch)


def print_blocks(blocks: Sequence[Block]) -> None:
    """Print rates, their quotient with an interval, and memory.

    Args:
        blocks: At least two.
    """
    measured = blocks[1:]
    score = np.array([block.score_s for block in measured])
    networks = np.array([block.networks_s for block in measured])
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(measured), (2000, len(measured)))
    shares = networks[drawn].sum(1) / score[drawn].sum(1)
    low, high = np.quantile(shares, [0.025, 0.975])
    cpus = [[b.networks_cpu_s for b in measured], [b.score_cpu_s for b in measured]]
    print("\n| | films a second | ms a film | ms of one core a film |\n|---|---:|---:|---:|")
    titles = ("networks alone, best batch", "score, end to end")
    for title, times, cpu in zip(titles, (networks, score), cpus, strict=True):
        rate = f"{1 / times.mean():.2f} | {times.mean() * 1e3:.1f}"
        print(f"| {title} | {rate} | {np.mean(cpu) * 1e3:.1f} |")
    share = networks.sum() / score.sum()
    print(f"\nShare: {share:.1%} (95 % interval {low:.1%} to {high:.1%}, {len(measured)} blocks)")
    print("\n| films done | resident memory, MB |\n|---:|---:|")
    step = max(1, len(blocks) // 10)
    for block in blocks[step - 1 :: step]:
        print(f"| {block.n_done:,} | {block.memory_mb:,.0f} |")
    from_200 = [block.memory_mb for block in blocks if block.n_done >= 200] or [0.0]
    spread = max(from_200) - min(from_200)
    print(f"\nFrom film 200 on: {spread:.0f} MB between the least and the most.")
    print(f"Peak of the process, with the networks at other batch sizes: {_peak_mb():,.0f} MB.")


def _timed(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _resident_mb() -> float:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _peak_mb() -> float:
    """Return the most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
