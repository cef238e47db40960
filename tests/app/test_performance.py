"""The Performance page: figures, comparison, curves, decisions, groups, errors, an own folder.

Films are made up; networks are tiny where a folder is read.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import ui.model_cache
from cxr_core.evaluate.evaluation import calibrated_probs, evaluation_of
from cxr_core.labels import SYSTEMS
from tests.app.test_pages import text
from tests.conftest import write_film
from tests.evaluate.material import make_reads, random_labels
from tests.evaluate.test_evaluation import Halved
from ui.components.performance_curves import NO_READS
from ui.components.performance_errors import NAME_FOLDER, NOT_THERE
from ui.components.performance_figures import OLD_FIGURES
from ui.evidence import BLIND, read_sets

ADULTS = "adults without COVID-19"


def films(seed, n, *, only=None):
    """Reads of n films, two a patient, of three sources."""
    rng = np.random.default_rng(seed)
    y_true = random_labels(rng, n) if only is None else rng.choice(only, n)
    words = np.where(y_true == 0, "journal", "hospital")
    words[:3] = "other"
    return make_reads(
        y_true, patient=np.arange(n) // 2, groups={"source": tuple(words.tolist())}, seed=seed
    )


READS = {
    "test": films(0, 150),
    ADULTS: films(1, 40, only=[1, 2]),
    "calibration": films(2, 120),
}
TRUST = SimpleNamespace(calibration={name: Halved() for name in SYSTEMS})


def evaluated(reads, **options):
    """The evaluation that a bundle stores."""
    calibrated = calibrated_probs(reads, TRUST.calibration)
    found = evaluation_of(reads, calibrated=calibrated, n_resamples=60, **options)
    return json.loads(json.dumps(found, allow_nan=False))


SETS = {title: evaluated(READS[title]) for title in ("test", ADULTS)}


@pytest.fixture
def models(predictor):
    """Fake models with published reads, figures and a calibration."""
    bundle = predictor.bundle
    bundle.evaluation = lambda _name=None: {"sets": SETS}
    bundle.read_sets = lambda _name=None: tuple(READS)
    bundle.reads = lambda title, _name=None: READS.get(title)
    predictor.trust_model = TRUST
    predictor.precision = "f32"
    return predictor


@pytest.fixture
def page(app, models):
    """Return the page with a tab open and a set chosen, already run."""

    def opened(tab="Figures", *, films=None, state=()):
        app.session_state["performance-tab"] = tab
        for key, value in dict(state).items():
            app.session_state[key] = value
        at = app.switch_page("pages/3_Performance.py")
        at.run()
        if films is not None:
            at.selectbox(key="performance-set").set_value(films).run()
        assert not at.exception
        return at

    return opened


def everything(at):
    """All words of a page, tables too."""
    tables = [table.value.to_csv() for table in (*at.table, *at.dataframe)]
    captions = [caption.value for caption in at.caption]
    return "\n".join([text(at), *captions, *tables])


def table(at, column):
    """The table with a column of that title."""
    (found,) = (t.value for t in at.table if column in t.value)
    return found


def test_the_caution_comes_before_any_figure(page):
    at = page()
    assert at.warning[0].value.startswith("**Measured:** of 40 adults without COVID-19, called")
    first = next(m.value for m in at.main.markdown if "Class and source" in m.value)
    assert "no figure here can tell both apart" in first
    assert "**150 films of 75 patients**: COVID-19 " in text(at)


def test_five_systems_and_the_baselines_in_one_table(page):
    at = page()
    shown = table(at, "Balanced accuracy")
    assert len(shown) == len(SYSTEMS) + 3
    assert shown["System"].tolist()[-1] == "No learning: shares of the classes"
    stored = SETS["test"]["systems"]["vgg16"]["figures"]["accuracy"]
    ends = f"{100 * stored['low']:.1f}\u00a0to\u00a0{100 * stored['high']:.1f}"
    row = shown.set_index("System").loc["VGG16", "Accuracy"]
    assert row == f"{stored['value']:.1%} ({ends})"
    assert "60 resamples of whole patients" in everything(at)


def test_raw_and_calibrated(page, models):
    calibrated = table(page(), "Balanced accuracy")["Log loss"]
    raw = page(state={"raw-probabilities": True})
    assert table(raw, "Balanced accuracy")["Log loss"].tolist() != calibrated.tolist()
    beside = table(raw, "Log loss, calibrated")
    assert list(beside)[1:] == [
        "Log loss, raw",
        "Log loss, calibrated",
        "Brier score, raw",
        "Brier score, calibrated",
    ]
    models.trust_model = None
    models.bundle.evaluation = lambda _name=None: {
        "sets": {"test": json.loads(json.dumps(evaluation_of(READS["test"], n_resamples=20)))}
    }
    assert "these models have no calibration" in everything(page())


def test_what_is_not_told_apart_is_said(page):
    at = page()
    assert "the highest accuracy" in text(at)
    rows = at.table[2].value
    assert set(rows["Verdict"]) <= {"not told apart", "told apart: worse"}
    assert "wins" not in everything(at)
    at.segmented_control(key="performance-compare").set_value("log_loss").run()
    assert "the lowest log loss" in text(at)


def test_a_set_without_covid19_shows_what_can_be_said(page):
    at = page(films=ADULTS)
    assert "**No film is of COVID-19**: how many of such films would be found" in text(at)
    called = SETS[ADULTS]["systems"]["vgg16"]["called"]["COVID19"]["n_hits"]
    shown = table(at, "Wrongly called COVID-19").set_index("System")["Wrongly called COVID-19"]
    assert shown["VGG16"].startswith(f"{called}: ")
    classes = table(at, "Right when called").set_index("Class")
    assert classes.loc["COVID-19", "AUROC"] == "not defined"
    assert "no film is of COVID-19" in everything(at)


@pytest.mark.parametrize(
    "tab", ["Figures", "Confusion", "Curves", "Threshold", "Costs", "Groups", "Errors"]
)
@pytest.mark.parametrize("films", ["test", ADULTS])
def test_every_part_shows_numbers_and_never_nan(page, tab, films):
    at = page(tab, films=films)
    shown = everything(at).lower()
    assert "nan" not in shown.replace("nanometre", "")
    assert at.table or at.dataframe or at.get("plotly_chart")


def test_only_the_open_part_is_drawn(page):
    at = page("Groups")
    assert not at.get("plotly_chart")
    assert [m.value for m in at.subheader] == ["By source"]


def test_confusion_matrices_of_all_systems(page):
    at = page("Confusion")
    assert len(at.get("plotly_chart")) == len(SYSTEMS)
    cells = at.dataframe[0].value
    assert cells["films"].sum() == len(SYSTEMS) * 150


def test_curves_say_how_many_resamples(page):
    at = page("Curves", films=ADULTS)
    assert len(at.get("plotly_chart")) == 2
    assert "COVID-19 has no curve: no film is of COVID-19." in text(at)
    assert "500 resamples of the 20 patients" in everything(at)
    at.segmented_control(key="curves-system").set_value("vgg16").run()
    assert not at.exception
    assert at.session_state["performance-system"] == "vgg16"


def test_the_system_is_kept_from_part_to_part(page):
    at = page("Curves")
    at.segmented_control(key="curves-system").set_value("vgg16").run()
    at = page("Groups")
    assert at.segmented_control(key="groups-system").value == "vgg16"


def test_a_threshold_is_chosen_on_films_kept_apart(page):
    at = page("Threshold")
    n_class = READS["calibration"].films.n_by_class["COVID19"]
    assert f"on 120 films kept apart ({n_class} of COVID-19)" in text(at)
    assert "**Too few to be sure**: " in text(at)
    assert "Of 1,000 films with " in text(at)
    before = at.table[0].value["Value"].tolist()
    at.number_input(key="operating-prevalence-COVID19").set_value(0.5).run()
    after = at.table[0].value["Value"].tolist()
    assert after[:2] == before[:2]  # what the threshold does does not depend on prevalence
    assert after[2:] != before[2:]
    assert "Of 1,000 films with 5 of COVID-19" in text(at)
    at.segmented_control(key="operating-target").set_value("specificity").run()
    assert not at.exception
    assert "Chosen for a specificity of 95%" in text(at)


def test_without_films_kept_apart_the_flattery_is_said(page, models):
    models.bundle.reads = lambda title, _name=None: READS["test"] if title == "test" else None
    models.bundle.digest = "cd" * 32
    assert "on the very films it is measured on" in text(page("Threshold"))


def test_films_that_cannot_choose_or_show_a_threshold(page, models):
    at = page("Threshold", films=ADULTS)
    assert "**No predictive values**: films of the class and other films are needed." in text(at)
    models.bundle.reads = lambda title, _name=None: READS.get(title if title == ADULTS else "")
    models.bundle.digest = "ef" * 32
    at = page("Threshold", films=ADULTS)
    assert "**No threshold.** No film can choose one for a sensitivity of COVID-19" in text(at)


def test_costs_and_the_decision_they_imply(page):
    at = page("Costs")
    assert "COVID-19 rather than Normal from 9.09% on" in text(at)
    assert "Mean cost a film" in text(at)
    at.selectbox(key="costs-preset").set_value("Every error costs the same").run()
    assert "The call of none of 150 films changes" in text(at)
    at.segmented_control(key="benefit-class").set_value("PNEUMONIA").run()
    assert not at.exception
    assert "who acts from 10% on holds one missed film for as bad as nine" in everything(at)
    at = page("Costs", films=ADULTS)
    at.segmented_control(key="benefit-class").set_value("COVID19").run()
    assert "**No curve.** These films do not hold both COVID-19 and other classes." in text(at)


def test_groups_too_few_and_not_stated(page):
    at = page("Groups")
    rows = at.table[0].value.set_index("Source")
    assert rows.loc["other", "Accuracy"] == "too few"
    assert rows.loc["journal", "Normal found"] == "no film"
    assert "n\u00a0=\u00a0" in rows.loc["hospital", "Accuracy"]
    assert "**Not stated for any film**: view, subtype, age." in text(at)


def test_errors_by_class_pair(page):
    at = page("Errors", state={"performance-system": "densenet201"})
    calls = READS["test"].probs("densenet201").argmax(axis=1)
    n_wrong = int((calls != READS["test"].y_true).sum())
    assert f"**{n_wrong} of 150 films** called wrongly by DenseNet201" in text(at)
    rows = at.dataframe[0].value
    assert len(rows) == n_wrong
    assert rows["Score of the call"].is_monotonic_decreasing
    at.segmented_control(key="errors-true").set_value("PNEUMONIA").run()
    at.segmented_control(key="errors-called").set_value("COVID19").run()
    rows = at.dataframe[0].value
    assert set(rows["True class"]) == {"Pneumonia"}
    assert set(rows["Called"]) == {"COVID-19"}
    assert NAME_FOLDER in text(at)


def test_a_folder_without_the_films_says_so(page, tmp_path):
    write_film(tmp_path / "other.png", seed=0)
    at = page("Errors")
    at.text_input(key="performance-films-name-set").set_value(str(tmp_path))
    at.button[0].click().run()
    assert NOT_THERE in text(at)
    at.text_input(key="performance-films-name-set").set_value(str(tmp_path / "none"))
    at.button[0].click().run()
    assert "**This folder could not be used\\.**" in text(at)


def test_figures_of_an_earlier_version_are_shown_as_far_as_they_go(page, models):
    keys = ("accuracy", "recall", "precision", "called", "confusion", "n")
    old = {
        **{key: SETS["test"][key] for key in ("n_films", "n_patients", "n_by_class")},
        "interval": "percentiles of 1,000 resamples of whole patients, 95 %",
        "systems": {
            name: {
                **{key: system[key] for key in keys},
                "figures": {
                    key: system["figures"][key] for key in ("accuracy", "macro_auroc", "log_loss")
                },
            }
            for name, system in SETS["test"]["systems"].items()
        },
        "baselines": {},
    }
    models.bundle.evaluation = lambda _name=None: {"sets": {"test": old}}
    models.bundle.reads = lambda _title, _name=None: None
    models.bundle.read_sets = lambda _name=None: ()
    models.bundle.digest = "01" * 32
    at = page()
    assert OLD_FIGURES in text(at)
    assert "not measured" in everything(at)
    for tab in ("Curves", "Threshold", "Costs", "Errors"):
        assert NO_READS in text(page(tab))
    assert OLD_FIGURES in text(page("Groups"))
    assert len(page("Confusion").get("plotly_chart")) == len(SYSTEMS)


def test_a_set_read_by_cross_validation_hides_the_plain_reading(models):
    models.bundle.evaluation = lambda _name=None: {"sets": {"test": {}, ADULTS + BLIND: {}}}
    assert read_sets(models.bundle, "mixed") == ("test", ADULTS + BLIND)
    models.bundle.evaluation = lambda _name=None: None
    assert read_sets(models.bundle, "clean") == ("test", ADULTS)


def test_a_bundle_that_contradicts_itself_is_a_message(page, models):
    from cxr_core.errors import SpecMismatchError

    def refuse(_title, _name=None):
        msg = "`reads` must fit their films. Received: others"
        raise SpecMismatchError(msg)

    models.bundle.reads = refuse
    models.bundle.digest = "23" * 32
    at = page()
    assert "**What the bundle tells of these films is unusable\\.**" in text(at)


@pytest.fixture
def own(app, tiny_predictor, monkeypatch, tmp_path):
    """The page with tiny networks, and a folder of films."""
    monkeypatch.setattr(ui.model_cache, "load", lambda: tiny_predictor)
    for seed in range(9):
        label = ("COVID19", "NORMAL", "PNEUMONIA")[seed % 3]
        (tmp_path / "mine" / "train" / label).mkdir(parents=True, exist_ok=True)
        write_film(tmp_path / "mine" / "train" / label / f"secret-name-{seed}.png", seed=seed)
    (tmp_path / "mine" / "train" / "NORMAL" / "broken.png").write_bytes(b"no film")
    at = app.switch_page("pages/3_Performance.py").run()
    assert not at.exception
    return at, tmp_path / "mine"


def test_a_folder_of_ones_own_is_measured(own):
    at, folder = own
    assert "**Nothing to show yet.**" in text(at)
    at.text_input(key="performance-own-name").set_value(str(folder / "train"))
    at.button[0].click().run()
    assert not at.exception
    assert at.selectbox(key="performance-set").value == "own-folder"
    assert "**9 films of 9 patients**" in text(at)
    assert "Patients are not known" in text(at)
    assert len(table(at, "Balanced accuracy")) == len(SYSTEMS) + 3
    assert "secret-name" not in everything(at)
    at.session_state["performance-tab"] = "Your folder"
    at.run()
    assert "9 films were read" in text(at)
    assert at.expander[0].label == "1 files could not be read"
    at.button[-1].click().run()
    assert "**Nothing to show yet.**" in text(at)


def test_errors_of_ones_own_folder_have_pictures_and_neighbours(own):
    at, folder = own
    at.text_input(key="performance-own-name").set_value(str(folder / "train"))
    at.button[0].click().run()
    at.session_state["performance-tab"] = "Errors"
    at.run()
    assert at.text_input(key="performance-films-name-own").value == str(folder / "train")
    at.button[0].click().run()
    assert not at.exception
    n_errors = len(at.dataframe[0].value)
    assert len(at.get("image")) == n_errors > 0
    at.number_input(key="nearest-n").set_value(5).run()
    next(b for b in at.button if b.label == "Read films to compare with").click().run()
    assert not at.exception
    assert "Compared with 9 films. The 6 nearest films: " in text(at)
    assert len(at.get("image")) == n_errors + 6
    assert "secret-name" not in everything(at)


@pytest.mark.parametrize("name", ["", "no/such/folder", "~", "a\0b", "x" * 5000])
def test_a_folder_that_cannot_be_measured_is_a_message(own, name):
    at, _ = own
    at.text_input(key="performance-own-name").set_value(name)
    at.button[0].click().run()
    assert not at.exception
    assert "**This folder could not be measured\\.**" in text(at)
    assert "**What to do:** " in text(at)
