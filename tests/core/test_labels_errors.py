from __future__ import annotations

import inspect

import pytest

from cxr_core import errors, labels


def test_class_order_is_alphabetical_and_complete() -> None:
    assert labels.CLASSES == ("COVID19", "NORMAL", "PNEUMONIA")
    assert list(labels.CLASSES) == sorted(labels.CLASSES)
    assert len(labels.CLASSES) == labels.N_CLASSES == 3


@pytest.mark.parametrize(
    "table", [labels.CLASS_TITLES, labels.CLASS_NOTES, labels.CLASS_COLOURS], ids=str
)
def test_every_class_has_words_and_a_colour(table: dict[str, str]) -> None:
    assert tuple(table) == labels.CLASSES
    assert all(table.values())
    with pytest.raises(TypeError, match="does not support item assignment"):
        table["COVID19"] = ""


def test_the_five_systems() -> None:
    assert labels.SYSTEMS == (
        "densenet201",
        "efficientnetb7",
        "vgg16",
        "ensemble_probs",
        "ensemble_dense",
    )
    assert tuple(labels.SYSTEM_TITLES) == labels.SYSTEMS


def test_normal_is_never_called_clear() -> None:
    assert "neither of the other two" in labels.CLASS_NOTES["NORMAL"]


@pytest.mark.parametrize(("index", "name"), list(enumerate(labels.CLASSES)))
def test_class_index(index: int, name: str) -> None:
    assert labels.class_index(name) == index


@pytest.mark.parametrize("name", ["covid19", "", "COVID-19"])
def test_class_index_refuses_other_names(name: str) -> None:
    with pytest.raises(ValueError, match=rf"`name` must be one of .* Received: name='{name}'"):
        labels.class_index(name)


CHILDREN = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.CxrError)
]


@pytest.mark.parametrize("kind", CHILDREN)
def test_every_error_has_a_hint(kind: type[errors.CxrError]) -> None:
    err = kind("what is wrong")
    assert str(err) == "what is wrong"
    assert err.hint == kind.default_hint
    assert err.hint.endswith(".")
    assert kind("what is wrong", hint="Do this.").hint == "Do this."
    assert not issubclass(kind, (ValueError, TypeError, OSError))


def test_the_error_tree_is_the_documented_one() -> None:
    assert {kind.__name__ for kind in CHILDREN} >= {
        "CxrError",
        "UnreadableImageError",
        "UnsupportedDicomError",
        "ImageTooLargeError",
        "SpecMismatchError",
        "ArtifactIntegrityError",
        "NotApplicableError",
    }
