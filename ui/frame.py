"""What every page shares: its settings, the research-use banner, the sidebar, and the models.

There is no `st.navigation` here or anywhere: with a `pages/` folder, a deep link would skip it, and
the banner with it. Each page calls `page` first instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core import APP_TITLE
from cxr_core.errors import CxrError
from ui import model_cache, reading_cache, server
from ui.discreet import be_discreet
from ui.login import logout_button, require_login
from ui.offline import stay_offline
from ui.words import RESEARCH_USE, WHERE_FILMS_GO, WHERE_RESULTS_GO

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.predict import Predictor

_ROOT: Final = Path(__file__).resolve().parent.parent
# A material or emoji icon of the tab would be fetched from another company's server.
_TAB_ICON: Final = (Path(__file__).parent / "icon.svg").read_text(encoding="utf-8")
_SIDEBAR_WIDTH_PX: Final = 250
_HOME: Final = "streamlit_app.py"
_VARIANT_WIDGET: Final = "variant-choice"
_RAW_WIDGET: Final = "probabilities-choice"
_CALIBRATED: Final = "Calibrated"
_RAW: Final = "Raw"
_DEFAULT_ICON: Final = ":material/article:"
_ICONS: Final = {
    _HOME: ":material/radiology:",
    "1_Compare.py": ":material/compare:",
    "2_Heatmaps.py": ":material/blur_on:",
    "3_Performance.py": ":material/monitoring:",
    "4_Calibration.py": ":material/speed:",
    "5_Shortcut_audit.py": ":material/troubleshoot:",
    "6_Training_curves.py": ":material/show_chart:",
    "7_Dataset.py": ":material/dataset:",
    "8_Model_card.py": ":material/description:",
    "9_Worklist.py": ":material/checklist:",
    "10_Reader_study.py": ":material/quiz:",
}


def page(title: str, *, icon: str | None = None) -> None:
    """Set up a page, ask for a login where one is set up, and draw what all pages share.

    The first call of every page; where nobody is logged in who has to be, the last one too.

    Args:
        title: Heading of the page and, with the application's name, title of the browser tab.
        icon: Material icon before the heading.
    """
    be_discreet()
    stay_offline()
    st.set_page_config(
        page_title=title if title == APP_TITLE else f"{title} · {APP_TITLE}",
        page_icon=_TAB_ICON,
        layout="wide",
        initial_sidebar_state=_SIDEBAR_WIDTH_PX,
    )
    st.info(RESEARCH_USE, icon=":material/science:")
    require_login()
    st.title(title, icon=icon, anchor=False)
    with st.sidebar:
        _links()
        _about_models()
        st.header("Your films", anchor=False)
        results = f" {WHERE_RESULTS_GO}" if server.is_configured() else ""
        st.markdown(f":small[{WHERE_FILMS_GO}{results}]")
        logout_button()


def models() -> Predictor:
    """Return the published models, or say why there are none and end the page here.

    Returns:
        The predictor that all sessions share; never change it.
    """
    try:
        return model_cache.load()
    except CxrError as err:
        show_error("The published models could not be loaded.", str(err), err.hint)
        st.stop()


def show_error(title: str, message: str, hint: str) -> None:
    """Show one quiet box with what is wrong and what to do.

    Args:
        title: One sentence for the person at the screen.
        message: What is wrong, with the value received.
        hint: What to do about it.
    """
    with st.container(border=True):
        st.markdown(f":material/error: **{plain(title)}**")
        st.text(message)
        st.markdown(f"**What to do:** {plain(hint)}")


def plain(text: str) -> str:
    """Escape what Markdown would read as markup, for text that is not ours.

    Args:
        text: For example a file name.

    Returns:
        Markdown that shows `text` as it is.
    """
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|~:$^" else c for c in text)


def _links() -> None:
    """Link the pages by words: the automatic menu would name the first one after its file."""
    st.page_link(_HOME, label="Read films", icon=_ICONS[_HOME])
    for path in sorted((_ROOT / "pages").glob("*.py"), key=_page_number):
        label = path.stem.lstrip("0123456789_").replace("_", " ")
        st.page_link(f"pages/{path.name}", label=label, icon=_ICONS.get(path.name, _DEFAULT_ICON))


def _page_number(path: Path) -> tuple[int, str]:
    """Return what pages are ordered by: `10_` comes after `9_`; a page without number last."""
    number = path.stem.partition("_")[0]
    return (int(number) if number.isdecimal() else 1_000_000, path.stem)


def _about_models() -> None:
    """Name the bundle in use."""
    st.header("Models", anchor=False)
    try:
        predictor = model_cache.load()
    except CxrError:
        st.markdown(":small[No bundle is loaded.]")
        return
    bundle = predictor.bundle
    _variant_choice(bundle, predictor.variant)
    _raw_choice(predictor)
    st.markdown(
        f":small[{plain(bundle.name)} {plain(bundle.version)}]  \n"
        f":small[Variant: {plain(predictor.variant)}]  \n"
        f":small[Digest:] `{bundle.digest[:12]}`",
        help=f"SHA-256 of the bundle: {bundle.digest}",
    )


def _raw_choice(predictor: Predictor) -> None:
    """Let the reader choose probabilities before or after calibration, on every page."""
    if predictor.trust_model is None or not predictor.trust_model.calibration:
        return
    st.segmented_control(
        "Probabilities",
        [_CALIBRATED, _RAW],
        default=_RAW if reading_cache.shows_raw() else _CALIBRATED,
        required=True,
        key=_RAW_WIDGET,
        on_change=lambda: reading_cache.choose_raw(st.session_state[_RAW_WIDGET] == _RAW),
        help="Calibrated: stretched so that among films scored 0.9 about nine in ten are right, as "
        "measured on films kept apart for it. Raw: as the networks give them. The class named "
        "is the same.",
    )


def _variant_choice(bundle: Bundle, used: str) -> None:
    """Let the reader choose among the bundle's variants; the choice holds on every page."""
    names = list(bundle.variants)
    if len(names) < 2:
        return
    st.selectbox(
        "Trained by",
        names,
        index=names.index(used),
        key=_VARIANT_WIDGET,
        on_change=lambda: model_cache.choose_variant(st.session_state[_VARIANT_WIDGET]),
        help="\n".join(f"- **{plain(n)}**: {plain(bundle.variants[n].title)}" for n in names),
    )
