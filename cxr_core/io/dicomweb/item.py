"""Films on a server as items of a worklist or of `score`: fetched when their turn comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cxr_core.errors import CxrError
from cxr_core.io import LIMITS, Limits
from cxr_core.io.dicomweb.error import ServerConnectionError, ServerLoginError
from cxr_core.io.dicomweb.query import MODALITIES
from cxr_core.io.dicomweb.search import ServerFilm, Study

if TYPE_CHECKING:
    from cxr_core.io.archive import Archive
    from cxr_core.io.dicomweb.client import DicomWeb


@dataclass(frozen=True)
class ServerItem:
    """A film on a server; it is fetched whenever its bytes are asked for, and never kept.

    Attributes:
        name: What its record calls it: positions, never a number of the patient's.
        film: Where it lies.
        server: Fetches it.
        archive: Films on a server lie in no archive.
    """

    name: str
    film: ServerFilm = field(repr=False)
    server: DicomWeb = field(repr=False)
    archive: Archive | None = None

    def read_bytes(self, limits: Limits = LIMITS) -> bytes:
        """Fetch the film; see `cxr_core.batch.item.Item`."""
        return self.server.fetch(self.film, name=self.name, limits=limits)


@dataclass(frozen=True)
class Found:
    """The films of some studies.

    Attributes:
        items: In order.
        n_left_out: Images that are no frontal films.
        n_without: Studies without a frontal film.
        errors: Why studies could not be looked into, by their position from 1.
    """

    items: tuple[ServerItem, ...]
    n_left_out: int = 0
    n_without: int = 0
    errors: tuple[tuple[int, CxrError], ...] = ()


def list_films(
    server: DicomWeb,
    studies: Iterable[tuple[int, Study]],
    *,
    modalities: tuple[str, ...] = MODALITIES,
    on_study: Callable[[int], object] | None = None,
) -> Found:
    """List the frontal films of studies; nothing is fetched yet.

    Args:
        server: The server.
        studies: Each with its position from 1, which names its films.
        modalities: Series of others are not looked into.
        on_study: Called with the number of studies that were looked into, after each.

    Returns:
        The films. A study that cannot be looked into does not stop the others.

    Raises:
        ServerConnectionError: If the server cannot be reached.
        ServerLoginError: If it does not let us in.
    """
    items: list[ServerItem] = []
    errors: list[tuple[int, CxrError]] = []
    n_left_out = n_without = 0
    for n_done, (position, study) in enumerate(studies, 1):
        try:
            found = server.films(study.uid, modalities=modalities)
        except (ServerConnectionError, ServerLoginError):
            raise  # the others would not fare better
        except CxrError as err:
            errors.append((position, err))
        else:
            items += [
                ServerItem(f"study-{position:04}-film-{number:02}", film, server)
                for number, film in enumerate(found.films, 1)
            ]
            n_left_out += found.n_left_out
            n_without += not found.films
        if on_study is not None:
            on_study(n_done)
    return Found(tuple(items), n_left_out, n_without, tuple(errors))
