"""What the benchmarks of the audit print."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from benchmarks import audit, copies
from cxr_core.audit.folder import audit_folder
from cxr_core.audit.plan import AuditSettings, Tools
from tests.audit.material import write_splits
from tests.audit.test_overlap import chest


def test_the_copies_that_are_found(tmp_path, capsys):
    for split, n in (("train", 6), ("test", 2)):
        for k, label in enumerate(("COVID19", "NORMAL", "PNEUMONIA")):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            for i in range(n):
                film = chest(1000 * n + 100 * k + i) * 255
                Image.fromarray(film.astype(np.uint8)).save(folder / f"{i}.png")
    copies.main(["--data", str(tmp_path), "--adults", str(tmp_path / "test"), "--n", "3"])
    printed = capsys.readouterr().out
    assert "18 training films" in printed
    assert "| test films | 6 | 0: 0.000" in printed
    assert "| adults | 6 | 0: 0.000" in printed
    assert "| mirrored | 3: 1.000" in printed
    assert printed.count("\n| ") == len(copies.CHANGES) + 2 + 2


def test_an_audit_as_markdown(tmp_path, capsys, tiny_reader):
    folder = write_splits(tmp_path / "films", 3, 2)
    found = audit_folder(
        folder, Tools(tiny_reader), settings=AuditSettings(n_probed=1, n_resamples=10)
    )
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(found), "utf-8")
    audit.main(["--audit", str(path)])
    printed = capsys.readouterr().out
    assert printed.startswith("Variant `tiny`")
    assert "**First level at which a tenth of the answers flip, 1 films**" in printed
    assert "Answers that flip under small changes" not in printed
    audit.main(["--audit", str(path), "--variants", "tiny", "--all-levels"])
    assert "Answers that flip under small changes" in capsys.readouterr().out
