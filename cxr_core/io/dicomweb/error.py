"""What can go wrong with a DICOM server, each with one plain sentence on what to do next.

No message holds the server's address, credentials, what was searched for, or a word of the
server's own: all of these can name a person or open a door.
"""

from __future__ import annotations

from cxr_core.errors import CxrError


class ServerError(CxrError):
    """Base of the errors of a DICOM server."""

    default_hint = "Try again later; if it stays, tell whoever looks after the DICOM server."


class ServerSettingError(ServerError):
    """The settings of the server are incomplete, contradict each other or are not safe."""

    default_hint = "Set the variables again as docs/dicomweb.md describes, and restart."


class ServerConnectionError(ServerError):
    """There is no connection: no such machine, nobody listens, or the line broke."""

    default_hint = (
        "Check that the server runs, that this computer may reach it, and CXR_DICOMWEB_URL."
    )


class ServerTlsError(ServerConnectionError):
    """The encrypted connection failed: an unknown certificate, or no encryption at the far end."""

    default_hint = (
        "Name the certificate of the authority that signed the server's in CXR_DICOMWEB_CA, and "
        "check that the address should begin with https."
    )


class ServerTimeoutError(ServerConnectionError):
    """The server was too slow."""

    default_hint = "Try again later, or ask for fewer studies."


class ServerLoginError(ServerError):
    """The server does not let us in, or not at this."""

    default_hint = (
        "Check CXR_DICOMWEB_USER and CXR_DICOMWEB_PASSWORD, or CXR_DICOMWEB_TOKEN, and what this "
        "account may do on the server."
    )


class NotOnServerError(ServerError):
    """The server has no such study or film, or nothing of DICOMweb at this address."""

    default_hint = (
        "Search again. If nothing is ever found, check that CXR_DICOMWEB_URL ends where DICOMweb "
        "begins, for example in /dicom-web."
    )


class ServerBusyError(ServerError):
    """The server is overloaded or being restarted."""

    default_hint = "Wait a minute and try again."


class ServerReplyError(ServerError):
    """The server answered, but not as DICOMweb asks, or with an error of its own."""

    default_hint = (
        "Check that CXR_DICOMWEB_URL is the address of DICOMweb, and look into the server's log."
    )
