"""Reports as PDF: one page a film, and for several films a table of them first.

`film_page` takes what is shown out of a reading, `write_report` lays it out. Nothing here names the
file of a DICOM film, which often is a patient's name, and nothing says a word of anatomy that was
not measured. fpdf2 is loaded when a report is written, not before.
"""

from cxr_core.report.about import About
from cxr_core.report.content import FailedFilm, FilmPage, Page, film_page
from cxr_core.report.document import film_report, write_report

__all__ = [
    "About",
    "FailedFilm",
    "FilmPage",
    "Page",
    "film_page",
    "film_report",
    "write_report",
]
