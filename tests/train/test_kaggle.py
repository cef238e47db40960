"""The download without a network: a package that is missing, fails, or brings films."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from cxr_core.dataset import scan
from cxr_core.errors import TrainingDataError
from train.kaggle import BY_HAND, PAGE, fetch_kaggle


@pytest.fixture
def install(monkeypatch):
    """Put a stand-in for `kagglehub` in place; `None` uninstalls it."""

    def put(download):
        module = None if download is None else SimpleNamespace(dataset_download=download)
        monkeypatch.setitem(sys.modules, "kagglehub", module)

    return put


def test_films_that_were_downloaded(install, data_dir):
    asked = []

    def download(name):
        asked.append(name)
        return str(data_dir)

    install(download)
    assert fetch_kaggle() == data_dir
    assert asked == ["prashant268/chest-xray-covid19-pneumonia"]
    assert len(scan(fetch_kaggle()).films) == 27


def test_without_the_package_the_hint_says_what_to_do(install):
    install(None)
    with pytest.raises(TrainingDataError, match=r"`kagglehub` must be installed") as caught:
        fetch_kaggle()
    assert "pip install kagglehub" in caught.value.hint
    assert caught.value.hint.endswith(BY_HAND)
    assert PAGE in BY_HAND


@pytest.mark.parametrize("error", [OSError("no network"), RuntimeError("bad"), KeyError("login")])
def test_a_download_that_fails(install, error):
    def download(name):
        raise error

    install(download)
    message = rf"must be downloaded from Kaggle\. Received: {type(error).__name__}: "
    with pytest.raises(TrainingDataError, match=message) as caught:
        fetch_kaggle()
    assert caught.value.hint.endswith(BY_HAND)
    assert caught.value.__cause__ is error


def test_a_download_without_films(install, tmp_path):
    (tmp_path / "train").mkdir()
    install(lambda _name: str(tmp_path))
    with pytest.raises(
        TrainingDataError, match=r"folder named test\. Received: \['train'\]"
    ) as got:
        fetch_kaggle()
    assert got.value.hint.endswith(BY_HAND)
