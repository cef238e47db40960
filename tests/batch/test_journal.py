"""The journal: nothing is lost, half lines are dropped, other models do not count."""

from __future__ import annotations

import hashlib
import json

import pytest

from cxr_core.batch.journal import Journal
from cxr_core.errors import OutputError

MODELS = {"bundle": "ab", "variant": "clean"}
DIGESTS = [hashlib.sha256(bytes([n])).hexdigest() for n in range(5)]


def written(path, digests, models=MODELS, *, resume=False, is_ended=False):
    """Write contents under some digests."""
    with Journal(path, models, resume=resume) as journal:
        for digest in digests:
            journal.put(digest, {"sha256": digest, "words": "Ω" * 20_000})
        if is_ended:
            journal.end()
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.csv.journal.jsonl"


def test_what_was_put_is_found_at_once_and_after_a_kill(path):
    with Journal(path, MODELS, resume=False) as journal:
        journal.put(DIGESTS[0], {"n": 1})
        assert DIGESTS[0] in journal
        assert DIGESTS[1] not in journal
        assert journal.get(DIGESTS[0]) == {"n": 1}
        assert journal.get(DIGESTS[1]) is None
        journal.put(DIGESTS[1], {"n": 0.1 + 0.2})
        assert json.loads(path.read_text("utf-8").splitlines()[-1])["content"] == {"n": 0.1 + 0.2}
    with Journal(path, MODELS, resume=True) as journal:
        assert len(journal) == 2
        assert journal.get(DIGESTS[0]) == {"n": 1}
        assert journal.get(DIGESTS[1]) == {"n": 0.1 + 0.2}


@pytest.mark.parametrize("n_kept", [0, 1, 12, 80, 5000])
def test_half_a_line_is_dropped_and_written_again(path, n_kept):
    whole = written(path, DIGESTS[:2]).read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:n_kept])
    with Journal(path, MODELS, resume=True) as journal:
        assert len(journal) == 1
        journal.put(DIGESTS[1], {"n": 2})
    with Journal(path, MODELS, resume=True) as journal:
        assert journal.get(DIGESTS[1]) == {"n": 2}
        assert journal.get(DIGESTS[0])["sha256"] == DIGESTS[0]


def test_readings_of_other_models_do_not_count_and_are_not_lost(path):
    written(path, DIGESTS[:2])
    other = {**MODELS, "variant": "seed"}
    written(path, DIGESTS[2:3], other, resume=True)
    with Journal(path, other, resume=True) as journal:
        assert [digest in journal for digest in DIGESTS[:3]] == [False, False, True]
    with Journal(path, MODELS, resume=True) as journal:
        assert [digest in journal for digest in DIGESTS[:3]] == [True, True, False]


def test_forgetting_to_resume_loses_nothing_of_a_run_that_did_not_end(path):
    written(path, DIGESTS[:2])
    with Journal(path, MODELS, resume=False) as journal:
        assert len(journal) == 0
    with Journal(path, MODELS, resume=True) as journal:
        assert len(journal) == 2


def test_a_run_that_ended_begins_anew_unless_resumed(path):
    written(path, DIGESTS[:2], is_ended=True)
    with Journal(path, MODELS, resume=True) as journal:
        assert len(journal) == 2
        journal.end()
    with Journal(path, MODELS, resume=False) as journal:
        assert len(journal) == 0
    assert path.read_bytes().count(b"\n") == 1


def test_a_damaged_line_is_unknown_and_spoils_no_other(path):
    data = written(path, DIGESTS[:3]).read_bytes().splitlines(keepends=True)
    data[2] = data[2][:100] + b"\xff\x00" + data[2][102:]
    data.insert(1, b"not a line of ours\n")
    path.write_bytes(b"".join(data))
    with Journal(path, MODELS, resume=True) as journal:
        assert journal.get(DIGESTS[0])["sha256"] == DIGESTS[0]
        assert journal.get(DIGESTS[1]) is None
        assert journal.get(DIGESTS[2])["sha256"] == DIGESTS[2]


def test_the_latest_reading_counts(path):
    with Journal(path, MODELS, resume=False) as journal:
        journal.put(DIGESTS[0], {"n": 1})
        journal.put(DIGESTS[0], {"n": 2})
        assert journal.get(DIGESTS[0]) == {"n": 2}
    with Journal(path, MODELS, resume=True) as journal:
        assert journal.get(DIGESTS[0]) == {"n": 2}


def test_two_runs_at_once(path):
    with (
        Journal(path, MODELS, resume=False),
        pytest.raises(OutputError, match="one run at a time"),
    ):
        Journal(path, MODELS, resume=False)
    with Journal(path, MODELS, resume=False):
        pass


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="must be a file that can be written"):
        Journal(tmp_path, MODELS, resume=False)
    with pytest.raises(OutputError, match="must be a file that can be written"):
        Journal(tmp_path / "gone" / "journal.jsonl", MODELS, resume=False)
