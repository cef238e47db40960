"""Reader studies: films read blind, alone and beside a system, and what is measured of it."""

from cxr_core.reader_study.create import create_study
from cxr_core.reader_study.design import Aid, Design
from cxr_core.reader_study.film import FilmFinder, StudyFilm
from cxr_core.reader_study.journal import Answer, Given
from cxr_core.reader_study.shelf import FolderShelf, MemoryShelf
from cxr_core.reader_study.statistics import statistics
from cxr_core.reader_study.study import Study

__all__ = [
    "Aid",
    "Answer",
    "Design",
    "FilmFinder",
    "FolderShelf",
    "Given",
    "MemoryShelf",
    "Study",
    "StudyFilm",
    "create_study",
    "statistics",
]
