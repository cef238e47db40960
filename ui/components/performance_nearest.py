"""The training films that are nearest to an error by what the networks see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.evaluate.misread import Misread, joined_features, nearest_rows
from cxr_core.labels import CLASS_TITLES, CLASSES, MEMBERS
from ui.components.progress import stoppable
from ui.components.thumbnail import thumbnail
from ui.error_view import Alike, alike_sentence, film_name
from ui.folder import training_part
from ui.frame import plain, show_error

if TYPE_CHECKING:
    from cxr_core.evaluate.reads import Reads
    from cxr_core.predict import Predictor

READ: Final = "Read films to compare with"
N_NEAREST: Final = 6
EXPLANATION: Final = (
    "Nearest by the angle between the mean features that the networks give: what looks alike to "
    "them, which may be the machine or the archive as much as the disease. Likeness is the cosine "
    "of that angle; 1 is the same. The films to compare with are read once for this session, about "
    "three a second."
)
_DEFAULT_N: Final = 150
_READS_KEY: Final = "performance-training-reads"


def nearest_panel(
    predictor: Predictor,
    errors: Sequence[Misread],
    system: str,
    folder: Path,
    places: Mapping[str, Path],
) -> None:
    """Let the reader choose an error and show the training films nearest to it.

    Args:
        predictor: The models in use.
        errors: Films whose files are known, at least one.
        system: Whose features count; all networks' for an ensemble.
        folder: What the reader named; its `train/` is read, or the folder itself.
        places: SHA-256 to path of the films below it.
    """
    st.subheader("Training films nearest to one of them", anchor=False)
    st.caption(EXPLANATION)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Film",
            range(len(errors)),
            format_func=lambda i: film_name(errors[i].row, errors[i].sha256),
            key=f"nearest-film-{len(errors)}",
            width=260,
        )
        n_per_class = st.number_input(
            "Films of each class", 5, 5000, _DEFAULT_N, step=50, key="nearest-n", width=160
        )
        asked = st.button(READ, icon=":material/compare:")
    training = training_part(folder)
    key = (predictor.bundle.digest, predictor.variant, str(training), n_per_class)
    if asked:
        _read(predictor, training, int(n_per_class), key)
    held = st.session_state.get(_READS_KEY)
    if held is None or held[0] != key:
        return
    reads: Reads = held[1]
    error = errors[chosen or 0]
    try:
        alike = _alike(predictor, reads, error, system, places)
    except CxrError as err:
        show_error("This film could not be read.", str(err), err.hint)
        return
    st.markdown(f"Compared with {len(reads):,} films. {alike_sentence(error, alike)}")
    _row(alike, places)


def _read(predictor: Predictor, training: Path, n_per_class: int, key: object) -> None:
    """Read some films of each class, and keep their features for this session."""
    from cxr_core.evaluate.folder_reads import drawn_paths, read_folder

    try:
        n_films = len(drawn_paths(training, n_per_class))
        with stoppable("Reading films", key="nearest-stop") as tell:
            reads = read_folder(
                predictor,
                training,
                n_per_class=n_per_class,
                on_film=lambda n_done: tell(n_done, n_films),
            )
    except CxrError as err:
        show_error("These films could not be read.", str(err), err.hint)
        return
    st.session_state[_READS_KEY] = (key, reads)


def _alike(
    predictor: Predictor,
    reads: Reads,
    error: Misread,
    system: str,
    places: Mapping[str, Path],
) -> list[Alike]:
    """Return the nearest films, the film itself left out, with those of one exposure marked."""
    from cxr_core.dataset import fingerprint, near_duplicates
    from cxr_core.io import read_path

    films = reads.films
    others = reads.take(np.array([digest != error.sha256 for digest in films.sha256], bool))
    if not len(others):
        return []
    radiograph = read_path(places[error.sha256])
    maps = predictor.features(radiograph)
    members = [system] if system in MEMBERS else list(others.pooled)
    own = {name: maps[name].mean(axis=(0, 1))[np.newaxis] for name in members}
    found = nearest_rows(
        joined_features(own, members)[0], joined_features(others.pooled, members), k=N_NEAREST
    )
    digests = [others.films.sha256[row] for row, _ in found]
    images = [radiograph.image, *(read_path(places[d]).image for d in digests if d in places)]
    same = {j for i, j in near_duplicates([fingerprint(image) for image in images]) if i == 0}
    known = [digest for digest in digests if digest in places]
    sources = others.films.groups.get("source")
    return [
        Alike(
            sha256=others.films.sha256[row],
            label=CLASSES[others.films.y_true[row]],
            cosine=cosine,
            source=sources[row] if sources else "",
            is_same_exposure=digest in known and known.index(digest) + 1 in same,
        )
        for (row, cosine), digest in zip(found, digests, strict=True)
    ]


def _row(alike: Sequence[Alike], places: Mapping[str, Path]) -> None:
    """Draw the nearest films side by side."""
    if not alike:
        return
    for column, film in zip(st.columns(N_NEAREST, gap="small"), alike, strict=False):
        with column:
            place = places.get(film.sha256)
            picture = thumbnail(place) if place else None
            if picture is not None:
                st.image(picture, width="stretch", alt=f"Training film of {film.label}")
            words = (CLASS_TITLES[film.label], film.source, f"likeness {film.cosine:.3f}")
            st.markdown(f":small[{plain(' · '.join(word for word in words if word))}]")
            if film.is_same_exposure:
                st.markdown(":small[**Same exposure**]")
