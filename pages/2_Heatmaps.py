"""Heatmaps: any system, class and method side by side, with what each map amounts to in numbers."""

from __future__ import annotations

from ui import reading_cache, state
from ui.components.caution import caution
from ui.components.film_choice import film_choice, no_film
from ui.components.heatmap_panel import heatmap_choice, heatmap_grid
from ui.frame import models, page, show_error

EMPTY_STATE = (
    "**No film yet.** Add films on the page *Read films*, or pick a sample here. You see maps of "
    "any system, class and method side by side, and how much of a score each one accounts for."
)


def main() -> None:
    """Draw the page."""
    page("Heatmaps")
    predictor = models()
    caution(predictor.bundle, predictor.variant)
    films = state.films()
    if not films:
        no_film(EMPTY_STATE)
        return
    film = film_choice(films)
    shown = reading_cache.view(film, predictor)
    if isinstance(shown, reading_cache.Failure):
        show_error("This film could not be read.", shown.message, shown.hint)
        return
    reading = reading_cache.reading(film, predictor)
    choices, against = heatmap_choice(predictor, reading)
    heatmap_grid(film, shown, predictor, reading, choices, against)


main()
