"""Fetch the public films that the seed recipe was written for, where Kaggle can be reached."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final

from cxr_core.dataset import find_split
from cxr_core.errors import TrainingDataError

DATASET: Final = "prashant268/chest-xray-covid19-pneumonia"
PAGE: Final = f"https://www.kaggle.com/datasets/{DATASET}"
BY_HAND: Final = (
    f"Download the archive from {PAGE} in a browser, unpack it, and give the folder that holds "
    "Data/ with --data."
)


def fetch_kaggle() -> Path:
    """Download the films through `kagglehub`, or find them in its cache.

    `kagglehub` is no requirement of this software: `pip install kagglehub` adds it. It keeps the
    films in its own cache (`KAGGLEHUB_CACHE`), so that a second call downloads nothing.

    Returns:
        A folder that `cxr_core.dataset.scan` takes.

    Raises:
        TrainingDataError: If `kagglehub` is not installed, the download fails, or the download has
            no `train/` or no `test/`; the hint says how to get the films by hand.
    """
    try:
        kagglehub = importlib.import_module("kagglehub")
    except ImportError as err:
        msg = "`kagglehub` must be installed to fetch the films. Received: no such package"
        hint = f"Run pip install kagglehub and try again. Or by hand: {BY_HAND}"
        raise TrainingDataError(msg, hint=hint) from err
    try:
        folder = Path(kagglehub.dataset_download(DATASET))
    except Exception as err:  # its errors have no common base: network, login, disk, archive
        msg = f"`{DATASET}` must be downloaded from Kaggle. Received: {type(err).__name__}: {err}"
        raise TrainingDataError(msg, hint=f"Check the network. Or by hand: {BY_HAND}") from err
    try:
        for split in ("train", "test"):
            find_split(folder, split)
    except TrainingDataError as err:
        hint = f"The download may be incomplete; delete it and try again. Or by hand: {BY_HAND}"
        raise TrainingDataError(str(err), hint=hint) from err
    return folder
