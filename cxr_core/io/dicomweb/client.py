"""`DicomWeb`: search (QIDO-RS), retrieve (WADO-RS) and store (STOW-RS), within bounds.

Searches go through `dicomweb-client`, over our transport. Films do not: the client parses what it
receives before any of our limits is asked, and would write a file anew whose bytes then differ from
the server's, and so its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Self

from cxr_core.errors import UnreadableImageError
from cxr_core.io import LIMITS, Limits
from cxr_core.io.dicom.header import quiet
from cxr_core.io.dicom.opening import load_pydicom, parse
from cxr_core.io.dicomweb.error import ServerReplyError
from cxr_core.io.dicomweb.multipart import DICOM_TYPE, dicom_parts, wrapped
from cxr_core.io.dicomweb.query import MODALITIES, Query
from cxr_core.io.dicomweb.search import (
    FilmList,
    Image,
    ServerFilm,
    StudyList,
    frontal_films,
    images_of,
    series_of,
    studies_of,
)
from cxr_core.io.dicomweb.setting import ServerSettings
from cxr_core.io.dicomweb.store import Stored, outcome_of
from cxr_core.io.dicomweb.transport import SEARCH_BOUNDS, SILENCE_S, Bounds, Transport
from cxr_core.io.dicomweb.watch import silence
from cxr_core.io.sniff import DICOM, describe, sniff

FILM_S: Final = 180.0
"""Seconds that one film, or one object to be stored, may be on its way."""

_WRAPPING_BYTES: Final = 1 << 16
_JSON: Final = "application/dicom+json"
_ANY_SYNTAX: Final = f'multipart/related; type="{DICOM_TYPE}"; transfer-syntax=*'
_ALL_FAILED: Final = 409  # PS3.18 table 10.5.3-1: the answer says why
_FIELDS: Final = ("00185101", "00080008")  # ViewPosition, ImageType


class DicomWeb:
    """A DICOM server.

    Args:
        settings: Its address and the way in.
        film_s: Seconds that one film may be on its way in all.
        search_bounds: Of one search.
        silence_s: Seconds that the server may say nothing.

    Notes:
        Safe to use from several threads; close it, or use it in a `with` statement.
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        film_s: float = FILM_S,
        search_bounds: Bounds = SEARCH_BOUNDS,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._url = settings.url
        self._film_s = film_s
        self._transport = Transport(settings, search_bounds=search_bounds, silence_s=silence_s)
        self._client = _qido_client(settings.url, self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next exchange would open them again."""
        self._transport.close()

    def studies(self, query: Query) -> StudyList:
        """Search for studies.

        Args:
            query: What to search for.

        Returns:
            At most `query.limit` of them, each once, the latest first.

        Raises:
            ServerError: If the server cannot be asked or does not answer as it should.

        Notes:
            One search a modality: matching a list of them is no part of the standard.
        """
        found: dict[str, Any] = {}
        is_cut = False
        for modality in query.modalities:
            filters = {**query.filters(), "ModalitiesInStudy": modality}
            answer = self._search(
                self._client.search_for_studies, limit=query.limit, search_filters=filters
            )
            studies = studies_of(answer)
            is_cut = is_cut or len(studies) >= query.limit
            found.update({study.uid: study for study in studies if query.matches(study)})
        is_cut = is_cut or len(found) > query.limit
        latest = sorted(found.values(), key=lambda study: study.date, reverse=True)
        return StudyList(tuple(latest[: query.limit]), is_cut)

    def films(self, study_uid: str, *, modalities: Sequence[str] = MODALITIES) -> FilmList:
        """Find the frontal films of a study.

        Args:
            study_uid: The study.
            modalities: Series of others are not looked into.

        Returns:
            See `FilmList`.

        Raises:
            ServerError: If the server cannot be asked or does not answer as it should.
        """
        client = self._client
        answer = self._search(client.search_for_series, study_uid, fields=["00080060"])
        images: list[Image] = []
        for series_uid in series_of(answer, modalities):
            answer = self._search(
                client.search_for_instances, study_uid, series_uid, fields=list(_FIELDS)
            )
            images += images_of(answer, study_uid, series_uid)
        return frontal_films(images)

    def fetch(self, film: ServerFilm, *, name: str, limits: Limits = LIMITS) -> bytes:
        """Retrieve one film as the file that the server has, in its own transfer syntax.

        Args:
            film: Which one.
            name: What messages call it.
            limits: Largest file; a longer one is not fetched to its end.

        Returns:
            The bytes, for `cxr_core.io.read`.

        Raises:
            ServerError: If the server cannot be asked or does not answer as it should.
            ImageTooLargeError: If the film is too large.
            UnreadableImageError: If what comes is no DICOM file, or damaged.
        """
        reply = self._transport.exchange(
            "GET",
            f"{self._url}/studies/{film.study_uid}/series/{film.series_uid}/instances/{film.uid}",
            headers={"Accept": _ANY_SYNTAX},
            bounds=Bounds(self._film_s, limits.max_bytes + _WRAPPING_BYTES),
        )
        parts = dicom_parts(reply.content_type, reply.body)
        if len(parts) != 1:
            msg = f"The server must send the one film asked for. Received: {len(parts)}"
            raise ServerReplyError(msg)
        data = parts[0]
        limits.check_bytes(len(data), name)
        if sniff(data) != DICOM:
            msg = f"The server must send a DICOM file. Received: name={name!r}, {describe(data)}"
            raise UnreadableImageError(msg, hint="Look at this film on the server itself.")
        if _uids(data, name, limits)[1] != film.uid:
            raise ServerReplyError("The server must send the film asked for. Received: another")
        return data

    def store(
        self, objects: Sequence[bytes], *, on_object: Callable[[int], None] | None = None
    ) -> tuple[Stored, ...]:
        """Store DICOM files, one request each, and check what the server says of each.

        Args:
            objects: The files.
            on_object: Called with the number of those that were tried, after each.

        Returns:
            What became of each, in order; one that the server does not take is no exception.

        Raises:
            UnreadableImageError: If one is no DICOM file or has no UID; nothing was sent then.
            ServerError: If the server cannot be asked or does not let us in; those before it
                are stored.
        """
        named = [(data, _uids(data, f"object {n}", LIMITS)) for n, data in enumerate(objects, 1)]
        for n, (_, uids) in enumerate(named, 1):
            if not all(uids):
                msg = f"`objects` must have a study and a UID. Received: object {n} without"
                raise UnreadableImageError(msg)
        outcomes = []
        for data, (_, uid) in named:
            content_type, body = wrapped(data)
            reply = self._transport.exchange(
                "POST",
                f"{self._url}/studies",
                headers={"Accept": _JSON, "Content-Type": content_type},
                body=body,
                bounds=Bounds(self._film_s, SEARCH_BOUNDS.max_bytes),
                accepted=(_ALL_FAILED,),
            )
            outcomes.append(outcome_of(reply, uid))
            if on_object is not None:
                on_object(len(outcomes))
        return tuple(outcomes)

    def _search(self, search: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Search through the client; an answer that is no JSON is the server's error."""
        try:
            with silence():
                return search(*args, **options)
        except (ValueError, RecursionError, LookupError, TypeError):
            msg = "The server must answer a search with DICOM JSON. Received: something else"
            failure = ServerReplyError(msg)
        raise failure  # without the client's words as its cause


def _qido_client(url: str, transport: Transport) -> Any:
    """Make the client that writes searches and reads their answers; it never tries twice."""
    from dicomweb_client.web import DICOMwebClient

    session: Any = transport  # all that a search calls of a session is `get`
    client = DICOMwebClient(url, session=session)
    client.set_http_retry_params(retry=False)
    return client


def _uids(data: bytes, name: str, limits: Limits) -> tuple[str, str]:
    """Return the Study and SOP Instance UIDs of a DICOM file; nothing else is parsed."""
    load_pydicom()
    from pydicom.tag import Tag

    tags = [Tag("StudyInstanceUID"), Tag("SOPInstanceUID")]
    header = parse(data, tags, name=name, limits=limits)
    with quiet():
        return header.text("StudyInstanceUID"), header.text("SOPInstanceUID")
