"""DICOMweb: search a server for chest films, open them, and store results in it.

What is imported here is light; the client and its libraries are loaded by the first connection.
"""

from cxr_core.io.dicomweb.error import (
    NotOnServerError,
    ServerBusyError,
    ServerConnectionError,
    ServerError,
    ServerLoginError,
    ServerReplyError,
    ServerSettingError,
    ServerTimeoutError,
    ServerTlsError,
)
from cxr_core.io.dicomweb.query import MAX_STUDIES, MODALITIES, Query, QueryError
from cxr_core.io.dicomweb.search import FilmList, ServerFilm, Study, StudyList
from cxr_core.io.dicomweb.setting import ServerSettings, settings_from, settings_from_environment

__all__ = [
    "MAX_STUDIES",
    "MODALITIES",
    "FilmList",
    "NotOnServerError",
    "Query",
    "QueryError",
    "ServerBusyError",
    "ServerConnectionError",
    "ServerError",
    "ServerFilm",
    "ServerLoginError",
    "ServerReplyError",
    "ServerSettingError",
    "ServerSettings",
    "ServerTimeoutError",
    "ServerTlsError",
    "Study",
    "StudyList",
    "settings_from",
    "settings_from_environment",
]
