"""Model card, data card and reporting checklists, and where every number in them comes from."""

from __future__ import annotations

import streamlit as st

from ui.card_view import WHOLE
from ui.components.bundle_tables import bundle_section
from ui.components.card_panel import card_panel
from ui.components.checklist_panel import checklist_panel
from ui.components.provenance_panel import provenance_panel
from ui.components.tradeoff import tradeoff_section
from ui.frame import models, page
from ui.provenance import provenance_of

TABS = ("Model card", "Data card", "CLAIM 2024", "TRIPOD+AI", "Provenance", "Bundle")
FIRST = "Read this before any figure"
NO_CARD = (
    "**No model card.** This bundle was published without one; `python -m train evidence` writes "
    "it from what the bundle holds."
)
NO_DATA_CARD = (
    "**No data card.** This bundle is of a version that had none; `python -m train evidence` "
    "writes it from what the bundle holds. What is known of the films is on the page *Dataset*."
)


def main() -> None:
    """Draw the page; only the tab that is open is worked out."""
    page("Model card")
    predictor = models()
    bundle, variant, made_with = predictor.bundle, predictor.variant, provenance_of(predictor)
    card, data, claim, tripod, chain, files = st.tabs(TABS, key="show", bind="query-params")
    if card.open:
        with card:
            section = card_panel(bundle.card, "MODEL_CARD.md", made_with, empty=NO_CARD)
            if section in (FIRST, WHOLE):
                tradeoff_section(bundle.tradeoff())
    if data.open:
        with data:
            card_panel(bundle.data_card, "DATA_CARD.md", made_with, empty=NO_DATA_CARD)
    if claim.open:
        with claim:
            checklist_panel("claim-2024", bundle, variant, made_with)
    if tripod.open:
        with tripod:
            checklist_panel("tripod-ai", bundle, variant, made_with)
    if chain.open:
        with chain:
            provenance_panel(bundle, variant, made_with)
    if files.open:
        with files:
            bundle_section(bundle, variant)


main()
