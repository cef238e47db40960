"""A run is a folder: settings, environment, data digest, curves, heads, figures.

RUN/run.json                      settings, environment, data, figures of every system
RUN/backbones/<name>.xml, .bin    the networks that were exported and that are served
RUN/backbones/<name>.films.json   digests of the films that a network's weights were fitted to
RUN/runs/<system>/history.csv     one row an epoch
RUN/runs/<system>/run.json        figures of this system
RUN/runs/<system>/head.safetensors
"""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from cxr_core.errors import SpecMismatchError
from cxr_core.training_run.record import RUN_SCHEMA

FILMS_SUFFIX: Final = ".films.json"
_PACKAGES: Final = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "openvino",
    "nncf",
    "numpy",
    "pillow",
    "scipy",
    "scikit-learn",
)


def system_folder(run: Path, system: str) -> Path:
    """Return the folder of one system's files, which may not exist yet.

    Args:
        run: The run's folder.
        system: System name.

    Returns:
        A path below it.
    """
    return run / "runs" / system


def network_path(run: Path, backbone: str) -> Path:
    """Return the path of one exported network.

    Args:
        run: The run's folder.
        backbone: Name of the backbone.

    Returns:
        The `.xml` file; its weights lie beside it.
    """
    return run / "backbones" / f"{backbone}.xml"


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write a JSON record of this schema.

    Args:
        path: Target file.
        record: JSON-ready values.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": RUN_SCHEMA, **record}, indent=1) + "\n", "utf-8")


def read_record(path: Path) -> dict[str, Any]:
    """Read a JSON record of this schema.

    Args:
        path: The file.

    Returns:
        Its values.

    Raises:
        SpecMismatchError: If it is missing, not JSON or of another schema.
    """
    hint = "Name the folder that `python -m train --out` has written."
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as err:
        msg = f"`{path}` must be the record of a finished run. Received: {err}"
        raise SpecMismatchError(msg, hint=hint) from err
    if record.get("schema") != RUN_SCHEMA:
        msg = f"`schema` of {path.name} must be {RUN_SCHEMA!r}. Received: {record.get('schema')!r}"
        raise SpecMismatchError(msg, hint=hint)
    return record


def environment() -> dict[str, Any]:
    """Return what a figure may depend on besides settings and data.

    Returns:
        Python, machine type, package versions, and the git revision where there is one.
    """
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": versions,
        "revision": _git_revision(),
    }


def _git_revision() -> str | None:
    """Return the commit that is checked out, or `None` outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def check_settings(path: Path, identity: dict[str, Any]) -> None:
    """Refuse to go on with a run of other settings or other films.

    Args:
        path: The `config.json` of the run.
        identity: Settings and digests that must be the same.

    Raises:
        SpecMismatchError: If they are not; the message names the settings.
    """
    stored = read_record(path)
    plain = json.loads(json.dumps(identity))
    changed = [key for key in plain if key != "config" and stored.get(key) != plain[key]]
    old, new = stored.get("config", {}), plain["config"]
    changed += sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    if changed:
        msg = (
            f"`--out` must be a new folder or a run of the same settings. Received: other {changed}"
        )
        raise SpecMismatchError(msg, hint="Name another folder, or delete the old run.")
