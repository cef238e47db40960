"""The benchmark of calibration prints every table, on good and on too few films."""

from __future__ import annotations

import numpy as np

from benchmarks.calibration import main, report
from benchmarks.calibration_interval import trial
from tests.evaluate.material import make_reads, random_labels


def reads(n, seed):
    y_true = random_labels(np.random.default_rng(seed), n)
    return make_reads(y_true, patient=np.arange(n) // 2, seed=seed, systems=("vgg16",))


def test_every_table_is_printed(capsys):
    sets = {
        "calibration": reads(120, 1),
        "test": reads(160, 2),
        "adults": make_reads(np.full(20, 2), seed=3, systems=("vgg16",)),
    }
    report(sets, n_resplits=5)
    printed = capsys.readouterr().out
    for title in ("Temperatures (n = 120", "Scores (n = 160", "Prediction sets", "Resplits"):
        assert title in printed
    assert "Mean COVID-19 score of adults (n = 20 films of 20 patients" in printed
    assert "never ruled out" in printed
    assert "nan" not in printed


def test_films_that_tell_no_temperature_leave_scores_as_they_are(capsys):
    report({"calibration": reads(12, 1), "test": reads(80, 2)}, n_resplits=5)
    printed = capsys.readouterr().out
    assert "| VGG16, calibrated |" in printed
    assert "nan" not in printed


def test_a_bundle_without_reads_says_so(capsys, tiny_bundle_dir):
    main(["--bundle", str(tiny_bundle_dir)])
    assert "not measured: the bundle lacks its calibration or test reads" in capsys.readouterr().out


def test_the_interval_is_tried_on_known_labels():
    truth, plug_in, debiased, *shares = trial(reads(80, 4), "vgg16", 1.0, 4)
    assert float(truth) == 0
    assert float(debiased) < float(plug_in)
    assert len(shares) == 3
