"""Many users at once: films a second, how long each waits, errors, mixed-up answers, memory.

    python -m benchmarks.users [--users 1 4 16] [--minutes 5] [--dashboard] [--films 128]
        [--bundle DIR]

A server is started as a process of its own: `python -m cxr_core serve`, or with `--dashboard` the
dashboard, to which every user talks over its websocket as a browser does. Each user sends the next
film as soon as the one before is answered, and takes that one away. Films are synthetic samples
with noise of their own; each user begins with another one and goes through all of them before it
sends one again, and nothing is kept of a film that was taken away: no cache can answer. Every
answer, scores and maps, must have the digest of the answer that the same film got before, alone, in
this process. Users and server share the processor; what the users take of it is printed too.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import platform
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.noisy_films import noisy_films
from benchmarks.process_memory import ProcessMemory
from benchmarks.serving import DASHBOARD, ask, serving
from benchmarks.visitor import Visitor
from cxr_core import io
from cxr_core.bundle import DEFAULT_BUNDLE
from cxr_core.explain.cam import DEFAULT_METHOD
from cxr_core.http.answer import read_films
from cxr_core.http.body import SentFilm
from cxr_core.io import LIMITS
from cxr_core.lungs import load_lungs
from cxr_core.predict import Predictor, PublishedModels
from ui.film_view import film_view

TOKEN: Final = "a-token-of-the-benchmark"  # noqa: S105 - of a server that ends with this script
TARGET: Final = 1.3
_WARM_UP: Final = 8
_LOOK_S: Final = 0.5
_PATIENCE_S: Final = 120.0
_NAME: Final = "film.png"

Send = Callable[[bytes], tuple[str, float]]
"""Sends one film; returns the digest of the answer and the seconds it took."""


@dataclass
class Load:
    """What some users at once met with.

    Attributes:
        n_users: How many.
        took_s: Seconds of each answer.
        n_wrong: Answers that were not the film's.
        errors: What went wrong, in the words of each error.
        wall_s: Seconds from the first film to the last answer.
        users_cpu_s: Seconds of one core that the users themselves took.
        memory: The server's, every half second.
    """

    n_users: int
    took_s: list[float] = field(default_factory=list)
    n_wrong: int = 0
    errors: list[str] = field(default_factory=list)
    wall_s: float = 0.0
    users_cpu_s: float = 0.0
    memory: list[ProcessMemory] = field(default_factory=list)

    def ms(self, percent: float) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return float(np.percentile(self.took_s, percent)) * 1e3

    def resident_mb(self, fifth: int) -> float:
        """Return the median of the resident memory in one of five equal parts of the time."""
        parts = np.array_split([look.resident_mb for look in self.memory], 5)
        return float(np.median(parts[fifth]))


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.users")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--films", type=int, default=128, help="distinct ones")
    parser.add_argument("--dashboard", action="store_true", help="over the page's own websocket")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    arguments = parser.parse_args(argv)
    if arguments.users[0] != 1:
        parser.error("--users must begin with 1: the others are held against one user")
    films = list(noisy_films(arguments.films, enlarge=2))
    known = alone(films, arguments.bundle, is_dashboard=arguments.dashboard)
    bundle = str(arguments.bundle)
    service = ["-m", "cxr_core", "serve", "--port", "0", "--bundle", bundle]
    command, ready = (DASHBOARD, "/_stcore/health") if arguments.dashboard else (service, "/readyz")
    environment = {"CXR_API_TOKEN": TOKEN, "CXR_BUNDLE": bundle}
    with serving(command, ready=ready, environment=environment) as served:
        visit = _page(served.port) if arguments.dashboard else _interface(served.port)
        with visit() as send:
            for film in films[:_WARM_UP]:
                send(film)
        loads = [
            under_load(visit, films, known, n_users, arguments.minutes * 60, served.pid)
            for n_users in arguments.users
        ]
    print_table(loads, "dashboard" if arguments.dashboard else "serve")


def alone(films: Sequence[bytes], bundle: Path, *, is_dashboard: bool) -> list[str]:
    """Read every film alone, in this process.

    Args:
        films: The films.
        bundle: Folder of the models.
        is_dashboard: Whether the answers are those of the page or of the interface.

    Returns:
        The digest of each answer.

    Raises:
        RuntimeError: If two films have one answer: mixed-up ones could not be told apart.
    """
    predictor = PublishedModels(bundle, lungs=load_lungs()).predictor()
    answer = _on_the_page if is_dashboard else _from_the_interface
    known = [_digest(answer(predictor, film)) for film in films]
    if len(set(known)) < len(films):
        msg = f"all answers must differ. Received: {len(set(known))} of {len(films)}"
        raise RuntimeError(msg)
    return known


def under_load(
    visit: Callable[[], AbstractContextManager[Send]],
    films: Sequence[bytes],
    known: Sequence[str],
    n_users: int,
    seconds: float,
    pid: int,
) -> Load:
    """Let some users send films until the time is over, and each of them get its last answer.

    Args:
        visit: Opens what a user sends through.
        films: The films; each user begins elsewhere.
        known: The digest of each film's answer.
        n_users: How many users.
        seconds: How long.
        pid: The server's process.

    Returns:
        What they met with.
    """
    load, lock, done = Load(n_users), threading.Lock(), threading.Event()
    begin = threading.Barrier(n_users + 1)

    def use(first: int) -> None:
        n = first
        try:
            with visit() as send:
                begin.wait(_PATIENCE_S)
                while not done.is_set():
                    digest, took_s = send(films[n])
                    with lock:
                        load.took_s.append(took_s)
                        load.n_wrong += digest != known[n]
                    n = (n + 1) % len(films)
        except Exception as err:  # noqa: BLE001 - counted and printed; this user leaves
            with lock:
                load.errors.append(f"{type(err).__name__}: {err}"[:200])

    firsts = [n * len(films) // n_users for n in range(n_users)]
    users = [threading.Thread(target=use, args=(first,)) for first in firsts]
    for user in users:
        user.start()
    begin.wait(_PATIENCE_S)
    started, cpu_s = time.perf_counter(), _own_cpu_s()
    while time.perf_counter() - started < seconds:
        load.memory.append(ProcessMemory.of(pid))
        time.sleep(_LOOK_S)
    done.set()
    for user in users:
        user.join()
    load.wall_s = time.perf_counter() - started
    load.users_cpu_s = _own_cpu_s() - cpu_s
    return load


def print_table(loads: Sequence[Load], what: str) -> None:
    """Print what all users met with.

    Args:
        loads: From `under_load`; the first one is what the others are held against.
        what: The server in a word.
    """
    print(f"{platform.machine()}, {os.cpu_count()} cores, `{what}`, {loads[0].wall_s:.0f} s each\n")
    print(
        "| users | answers | films a second | median, ms | p95, ms | longest, ms "
        "| p95 by users times one user's median | errors | mixed up "
        "| resident, MB: first fifth | last fifth | users' share of a core |"
    )
    print("|---:|" + "---:|" * 11)
    for load in loads:
        share = load.ms(95) / (load.n_users / loads[0].n_users * loads[0].ms(50))
        cells = [
            f"{load.n_users}",
            f"{len(load.took_s):,}",
            f"{len(load.took_s) / load.wall_s:.2f}",
            *(f"{load.ms(percent):,.0f}" for percent in (50, 95, 100)),
            f"{share:.2f}",
            f"{len(load.errors)}",
            f"{load.n_wrong}",
            f"{load.resident_mb(0):,.0f}",
            f"{load.resident_mb(4):,.0f}",
            f"{load.users_cpu_s / load.wall_s:.2f}",
        ]
        print(f"| {' | '.join(cells)} |")
    print(f"\nWanted: no error, nothing mixed up, at most {TARGET} in the seventh column.")
    for words in dict.fromkeys(error for load in loads for error in load.errors):
        print(f"- {words}")


def _interface(port: int) -> Callable[[], AbstractContextManager[Send]]:
    """Return what sends films to the HTTP interface."""
    headers = {"Content-Type": "image/png", "Authorization": f"Bearer {TOKEN}"}

    def send(film: bytes) -> tuple[str, float]:
        started = time.perf_counter()
        status, body, _ = ask(port, "POST", "/api/predict?explain=true", film, headers)
        took_s = time.perf_counter() - started
        if status != http.client.OK:
            msg = f"a film must be read. Received: {status} {body[:120]!r}"
            raise RuntimeError(msg)
        return _digest(_without_times(json.loads(body)["results"][0])), took_s

    return lambda: nullcontext(send)


def _page(port: int) -> Callable[[], AbstractContextManager[Send]]:
    """Return what sends films to the page; each user has a session."""

    @contextmanager
    def visit() -> Iterator[Send]:
        with Visitor(port) as visitor:
            visitor.open()

            def send(film: bytes) -> tuple[str, float]:
                run, took_s = visitor.upload(film)
                shown = {name: run.viewers[0][name] for name in ("scores", "maps")}
                return _digest(shown), took_s

            yield send

    return visit


def _from_the_interface(predictor: Predictor, film: bytes) -> Any:
    """Return what the HTTP interface must answer."""
    sent = [SentFilm(_NAME, film)]
    results, _ = read_films(
        predictor,
        sent,
        (DEFAULT_METHOD,),
        limits=LIMITS,
        networks=nullcontext(),
        should_stop=lambda: False,
    )
    return _without_times(json.loads(json.dumps(results[0])))


def _on_the_page(predictor: Predictor, film: bytes) -> Any:
    """Return what the film's viewer must get."""
    view = film_view(predictor.read(io.read(film, name=_NAME)), predictor.explain_classes)
    scores = [
        {"system": score.system, "label": score.label, "probs": dict(score.probs)}
        for score in view.scores
    ]
    return json.loads(json.dumps({"scores": scores, "maps": view.maps}))


def _without_times(record: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs from one reading to the next."""
    return {name: value for name, value in record.items() if name not in ("file", "timing_ms")}


def _digest(answer: Any) -> str:
    """Return the SHA-256 of an answer, every digit of it."""
    return hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()


def _own_cpu_s() -> float:
    """Return the seconds of one core that this process took so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
