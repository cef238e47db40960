"""What every page switches off in Streamlit, and what is left of an error in the log."""

from __future__ import annotations

import logging
import subprocess
import sys

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime.media_file_storage import MediaFileKind
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from ui.discreet import address_of, be_discreet, places, without_text


def failed():
    """An error with a cause, both with texts that must not be told."""
    try:
        try:
            raise KeyError("Doe^John")
        except KeyError as err:
            raise ValueError("/data/Doe^John.dcm") from err
    except ValueError as err:
        return err


def test_every_page_switches_it_off(app, predictor, monkeypatch):
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1)
    before = st.get_option("logger.enableRich")
    app.run()
    assert MultiPartParser.spool_max_size == 65 * 1024 * 1024
    assert not st.get_option("logger.enableRich")
    be_discreet()
    filters = logging.getLogger("streamlit.error_util").filters
    assert filters.count(without_text) == 1
    st.set_option("logger.enableRich", before)


def test_what_is_offered_is_named_by_all_its_bytes_and_a_key(predictor, app):
    app.run()
    storage = MemoryMediaFileStorage("/media")
    first = bytes(4 << 20)
    second = first[:1_000_000] + b"x" + first[1_000_001:]  # outside of what Streamlit samples
    names = [
        storage.load_and_get_id(data, "text/csv", MediaFileKind.DOWNLOADABLE, "films.csv")
        for data in (first, second, first)
    ]
    assert names[0] == names[2] != names[1]
    assert [storage.get_file(f"{name}.csv").content for name in names[:2]] == [first, second]
    assert names[0] == address_of(first, "text/csv", "films.csv")
    assert address_of(b"a", "bc") != address_of(b"a", "b", "c")
    code = "from ui.discreet import address_of; print(address_of(b'film', 'image/png'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() != address_of(b"film", "image/png")


def test_types_and_lines_of_an_error_and_its_cause_without_their_texts():
    told = places(failed())
    assert told.startswith("ValueError at ")
    assert ", from KeyError at " in told
    assert "test_discreet.py:" in told
    assert "Doe" not in told


def test_an_error_that_was_never_raised_has_no_line_and_a_ring_of_causes_ends():
    first, second = ValueError("Doe"), TypeError("Doe")
    first.__context__, second.__context__ = second, first
    assert places(first) == "ValueError at no line, from TypeError at no line"


def test_a_log_record_loses_the_text_and_keeps_its_own_words():
    error = failed()
    info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "Uncaught %s", ("app",), info)
    assert without_text(record)
    text = logging.Formatter().format(record)
    assert text.startswith("Uncaught app: ValueError at ")
    assert "Doe" not in text
    plain = logging.LogRecord("x", logging.ERROR, "", 0, "Ready %d", (3,), None)
    assert without_text(plain)
    assert plain.getMessage() == "Ready 3"
    assert sys.exc_info() == (None, None, None)
