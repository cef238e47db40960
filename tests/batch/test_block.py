"""What a machine does with a block of films: the same rows as one process, whatever was known."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from cxr_core.batch import BytesItem, list_items, score
from cxr_core.batch.block import BlockReader, DecodePlan, decode_block
from cxr_core.batch.listing import listed_items, listing_blocks
from cxr_core.batch.part import Digests, Parts
from cxr_core.batch.plan import Plan
from cxr_core.batch.table import row
from cxr_core.errors import ArtifactIntegrityError, CxrError, SpecMismatchError
from cxr_core.io import LIMITS
from cxr_core.labels import SYSTEMS
from tests.batch.films import mixed_folder

NOTHING = Digests.from_hex([])


@pytest.fixture
def folder(tmp_path):
    return mixed_folder(tmp_path / "films")


@pytest.fixture
def plan(tiny_predictor, tiny_bundle_dir):
    return Plan(tiny_predictor.bundle.digest, "tiny", folder=str(tiny_bundle_dir))


@pytest.fixture
def parts(tmp_path):
    return Parts.begin(str(tmp_path / "parts"), {"variant": "tiny"}, SYSTEMS)


def sent(table: pa.Table) -> pa.Table:
    """Write a table as it goes over a network, and read it back."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def bytes_or_error(item):
    """What comes of reading an item, in values that compare."""
    try:
        return item.read_bytes(LIMITS)
    except CxrError as err:
        return type(err), str(err), err.hint


def read_blocks(folder, plan, parts, predictor, *, known=NOTHING, n_block=4):
    """Put a folder through all steps; return rows by position, and the outcomes."""
    reader = BlockReader(plan, parts, load=lambda _: predictor)
    outcomes = []
    for block in listing_blocks(list_items([folder]).items, n_block):
        decoded = decode_block(sent(block), DecodePlan(predictor.specs, known))
        outcomes += reader(sent(decoded)).to_pylist()
    with parts.opened(resume=True) as readings:
        rows = {}
        for outcome in outcomes:
            if outcome["error"] is None:
                ((values,),) = readings.rows([outcome["sha256"]])
                rows[outcome["position"]] = values
    return rows, outcomes


def test_items_travel_to_another_machine_and_read_the_same_bytes(folder):
    items = list_items([folder]).items
    blocks = list(listing_blocks(items, 5))
    assert [len(block) for block in blocks] == [5, 5, 3]
    travelled = [pair for block in blocks for pair in listed_items(sent(block))]
    assert [position for position, _ in travelled] == list(range(13))
    for (_, back), item in zip(travelled, items, strict=True):
        assert (back.name, type(back)) == (item.name, type(item))
        assert bytes_or_error(back) == bytes_or_error(item)
        for archive in filter(None, (item.archive, back.archive)):
            archive.close()


def test_an_archive_that_changed_since_it_was_listed_is_not_read(folder):
    items = list_items([folder]).items
    (block,) = listing_blocks(items, 50)
    (folder / "more.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    errors = [item for _, item in listed_items(block) if item.name.startswith("more.zip")]
    assert [type(item).__name__ for item in errors] == ["BrokenItem"] * 3
    assert "must not change while it is read" in str(errors[0].error)


def test_what_lies_in_memory_cannot_travel():
    with pytest.raises(TypeError, match=r"must lie where every machine.*Received: BytesItem"):
        list(listing_blocks([BytesItem("a.png", b"x")], 4))


@pytest.mark.parametrize("n_block", [1, 4, 100])
def test_rows_are_those_of_one_process_exactly(folder, plan, parts, tiny_predictor, n_block):
    expected = list(score(tiny_predictor, [folder]))
    rows, outcomes = read_blocks(folder, plan, parts, tiny_predictor, n_block=n_block)
    assert [outcome["position"] for outcome in outcomes] == list(range(len(expected)))
    for outcome, record in zip(outcomes, expected, strict=True):
        assert outcome["sha256"] == record.sha256
        if record.status == "error":
            assert json.loads(outcome["error"]) == record.content
        else:
            assert {**rows[outcome["position"]], "file": record.file} == row(record, SYSTEMS)


def test_the_networks_read_what_is_not_known_and_no_more(folder, plan, parts, tiny_predictor):
    records = [record for record in score(tiny_predictor, [folder]) if record.status == "ok"]
    first, *_, last = records
    known = Digests.from_hex([first.sha256, "00" * 32, "ff" * 32])
    reader = BlockReader(plan, parts, load=lambda _: tiny_predictor)
    (block,) = listing_blocks(list_items([folder]).items, 50)
    decoded = decode_block(block, DecodePlan(tiny_predictor.specs, known))
    outcomes = reader(decoded).to_pylist()
    n_different = len({record.sha256 for record in records})
    assert sum(outcome["is_read"] for outcome in outcomes) == n_different - 1
    assert not outcomes[0]["is_read"]
    assert outcomes[0]["sha256"] == first.sha256
    assert last.sha256 in {outcome["sha256"] for outcome in outcomes if outcome["is_read"]}


def test_no_model_is_loaded_where_nothing_is_to_be_read(folder, plan, parts, tiny_predictor):
    digests = {record.sha256 for record in score(tiny_predictor, [folder]) if record.sha256}
    (block,) = listing_blocks(list_items([folder]).items, 50)
    decoded = decode_block(
        block, DecodePlan(tiny_predictor.specs, Digests.from_hex(sorted(digests)))
    )
    outcome = BlockReader(plan, parts, load=lambda _: pytest.fail("loaded"))(decoded)
    assert outcome.column("part").null_count == len(outcome) == 13
    assert not any(outcome.column("is_read").to_pylist())


def test_pixels_travel_once_and_grey(folder, tiny_predictor):
    (block,) = listing_blocks(list_items([folder]).items, 50)
    decoded = decode_block(block, DecodePlan(tiny_predictor.specs, NOTHING))
    images = [name for name in decoded.column_names if name.startswith("image_")]
    assert images == ["image_0"]
    n_read = len(decoded) - decoded.column("image_0").null_count
    assert decoded.column("image_0").nbytes < (n_read + 1) * 224 * 224 * 4


def test_the_published_reader_loads_the_bundle_of_the_plan(folder, plan, parts, tiny_predictor):
    (block,) = listing_blocks(list_items([folder]).items, 50)
    decoded = decode_block(block, DecodePlan(tiny_predictor.specs, NOTHING))
    outcome = BlockReader(plan, parts)(decoded)
    assert sum(outcome.column("is_read").to_pylist()) == 7


def test_a_machine_with_another_bundle_or_version_refuses(plan, tiny_bundle_dir, tmp_path):
    with pytest.raises(SpecMismatchError, match="must have the bundle with digest 000000000000"):
        replace(plan, digest="0" * 64).bundle()
    with pytest.raises(SpecMismatchError, match=r"must run version 9\.9"):
        replace(plan, software="9.9").bundle()
    with pytest.raises(ArtifactIntegrityError, match="the bundle must have this file"):
        replace(plan, folder=str(tmp_path)).bundle()


def test_a_plan_says_of_the_models_what_the_predictor_says(plan, tiny_predictor):
    from cxr_core.batch.run import about_models

    models = plan.models()
    assert about_models(models) == about_models(tiny_predictor)
    assert (models.systems, models.specs) == (tiny_predictor.systems, tiny_predictor.specs)
