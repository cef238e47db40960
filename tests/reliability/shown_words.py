"""What a page has of a film, for the page that says it and the test that knows it."""

from __future__ import annotations

import hashlib
import json


def words_of(reading, scores, maps):
    """What a page has of a film, in words short enough for a page."""
    said = [[(one.system, one.label, dict(one.probs)) for one in part] for part in scores]
    known = [(name, system.probs.tolist()) for name, system in reading.systems.items()]
    text = json.dumps([said, known, maps], sort_keys=True)
    return f"{reading.radiograph.sha256} {hashlib.sha256(text.encode()).hexdigest()}"
