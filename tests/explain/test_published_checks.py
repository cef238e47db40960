"""What a bundle keeps of checks of maps: merged by check, without films, tied to its models."""

from __future__ import annotations

import json

import pytest

from cxr_core.bundle import MANIFEST, seal
from cxr_core.errors import SpecMismatchError
from cxr_core.explain.fidelity.published_checks import SCHEMA, known_checks, merge_checks
from tests.tiny import write_tiny_bundle


def figure(value, n):
    """A mean with an interval."""
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": n}


def checked(passes, *, n=60, variant="clean", **figures):
    """An object as `explain-check` writes it, of one system and method."""
    entry = {name: figure(value, n) for name, value in figures.items()}
    entry |= {"baseline": {"ssim": 0.3, "spearman": 0.2}, "stages": [], "passes": passes}
    return {
        "schema": "cxr-explain-check/1",
        "variant": variant,
        "n_films": n,
        "n_by_class": {},
        "n_patients": n,
        "patients_from": "none",
        "settings": {"checks": list(passes)},
        "interval": "95 %",
        "systems": {"vgg16": {"hirescam": entry}},
        "agreement": {},
        "films": [{"file": "a-name.png"}],
    }


HEADS = checked({"randomisation": False}, random_ssim=0.4)
COVERS = checked({"deletion": True, "road": None}, n=36, deletion_beaten=0.9, road_gap=0.1)


def test_checks_of_several_runs_stand_side_by_side():
    merged = merge_checks([HEADS, COVERS], fitted_to={"heads": "ab"})
    assert merged["schema"] == SCHEMA
    assert "a-name" not in json.dumps(merged)
    known = known_checks(merged, "vgg16", "hirescam")
    assert known.passes == {"randomisation": False, "deletion": True, "road": None}
    assert known.failed == ("randomisation", "road")
    assert known.ssim_bar == 0.3
    assert known.n_films == 36
    assert known.figures["deletion_beaten"]["value"] == 0.9


def test_agreement_of_seeds_stands_beside_the_checks():
    seeds = {
        "schema": "cxr-map-seeds/1",
        "variant": "clean",
        "n_seeds": 3,
        "systems": {"vgg16": {"hirescam": figure(0.8, 60)}, "densenet201": {}},
    }
    merged = merge_checks([HEADS, seeds], fitted_to={})
    assert known_checks(merged, "vgg16", "hirescam").seeds["value"] == 0.8
    assert len(merged["runs"]) == 1


def test_nothing_known_is_nothing():
    merged = merge_checks([HEADS], fitted_to={})
    assert known_checks(None, "vgg16", "hirescam") is None
    assert known_checks(merged, "vgg16", "gradcam") is None
    assert known_checks(merged, "densenet201", "hirescam") is None


@pytest.mark.parametrize(
    "others", [[], [HEADS, checked({}, variant="seed")], [HEADS, {"schema": "other"}]]
)
def test_other_objects_are_refused(others):
    with pytest.raises(SpecMismatchError, match="of one variant"):
        merge_checks(others, fitted_to={})


def test_a_bundle_refuses_checks_of_other_models(tmp_path):
    bundle = write_tiny_bundle(tmp_path / "bundle")
    path = "variants/tiny/map_checks.json"
    for fitted_to, is_own in ((bundle.fingerprint(), True), ({"heads": "00"}, False)):
        manifest = json.loads((bundle.folder / MANIFEST).read_text())
        merged = merge_checks([HEADS], fitted_to=fitted_to)
        (bundle.folder / path).write_text(json.dumps(merged))
        manifest["variants"]["tiny"]["map_checks"] = path
        for key in ("schema", "classes", "files"):
            manifest.pop(key)
        sealed = seal(bundle.folder, manifest)
        if is_own:
            assert sealed.map_checks() == merged
        else:
            with pytest.raises(SpecMismatchError, match="must be of these models"):
                sealed.map_checks()


def test_films_without_a_map_to_randomise_leave_no_stages():
    empty = checked({"randomisation": None}, random_ssim=0.4)
    del empty["systems"]["vgg16"]["hirescam"]["stages"]
    merged = merge_checks([empty], fitted_to={})
    assert "stages" not in merged["systems"]["vgg16"]["hirescam"]
    assert known_checks(merged, "vgg16", "hirescam").failed == ("randomisation",)
