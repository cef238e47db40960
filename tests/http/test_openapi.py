"""The description of the interface, and that every kind of answer keeps to it."""

from __future__ import annotations

import json

import jsonschema
import pytest

from cxr_core.http.openapi import description
from cxr_core.http.option import NAMES


def check(found, name):
    """Check an object against one schema of the description."""
    whole = {**description(), "$ref": f"#/components/schemas/{name}"}
    jsonschema.Draft202012Validator(whole).validate(found)


def test_answers_keep_to_it(live, film_path):
    data = film_path.read_bytes()
    check(
        live.predict(("a.png", data), ("b.png", b"x"), explain="gradcam,eigencam").json,
        "Prediction",
    )
    check(live.predict_raw(b"x").json, "Prediction")
    check(live.predict_raw(b"x", "?variant=none").json, "Problem")
    check(live.ask("/api/predict").json, "Problem")
    check(live.ask("/healthz").json, "State")
    check(live.ask("/readyz").json, "State")


def test_the_check_itself_refuses_what_is_not_described(live):
    found = live.ask("/healthz").json
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        check({**found, "more": 1}, "State")


def test_it_is_served_and_whole(live):
    found = live.ask("/api/openapi.json").json
    assert found == json.loads(json.dumps(description()))
    text = json.dumps(found)
    for name in text.split('"#/components/schemas/')[1:]:
        assert name.partition('"')[0] in found["components"]["schemas"]
    post = found["paths"]["/api/predict"]["post"]
    assert [parameter["name"] for parameter in post["parameters"]] == list(NAMES)
    expected = {"200", "400", "401", "403", "408", "413", "415", "422", "429", "500", "503"}
    assert set(post["responses"]) == expected
    for schema in found["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
