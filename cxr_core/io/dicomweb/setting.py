"""Which server, and how to get in: from the environment or the dashboard's secrets, never typed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from cxr_core.io.dicomweb.error import ServerSettingError

PREFIX: Final = "CXR_DICOMWEB_"
NAMES: Final = ("URL", "USER", "PASSWORD", "TOKEN", "CA", "PLAIN_HTTP")
"""The settings; variables of the environment have `PREFIX`, secrets have lower case."""

PLAIN_HTTP_WARNING: Final = (
    "The connection to the DICOM server is not encrypted: films and patients' names can be read "
    "on the way."
)
_YES: Final = ("1", "yes", "true")
_NO: Final = ("", "0", "no", "false")


@dataclass(frozen=True)
class ServerSettings:
    """A DICOMweb server and the way in; its representation shows none of it.

    Attributes:
        url: Where DICOMweb begins, without a slash at the end.
        user: Name for HTTP Basic authentication; empty for none.
        password: Its password.
        token: Bearer token; empty for none, and never beside `user`.
        ca_path: PEM file of the authorities that may sign the server's certificate; those that
            public servers use where `None`.
        is_plain_http_allowed: Whether credentials may go to another machine without encryption.

    Raises:
        ServerSettingError: If they are incomplete, contradict each other, or would send credentials
            without encryption to another machine.
    """

    url: str = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_path: Path | None = field(default=None, repr=False)
    is_plain_http_allowed: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work or is not safe, without quoting any of it."""
        parts = _split(self.url)
        object.__setattr__(self, "url", self.url.rstrip("/"))
        if bool(self.user) != bool(self.password):
            raise _wrong("USER and PASSWORD", must="go together", received="one of them alone")
        if self.user and self.token:
            raise _wrong("USER and TOKEN", must="exclude each other", received="both")
        if ":" in self.user or not _is_printable(self.user + self.password):
            raise _wrong(
                "USER and PASSWORD", must="be printable, USER without a colon", received="others"
            )
        if self.token and not (self.token.isascii() and _is_printable(self.token)):
            raise _wrong("TOKEN", must="be one word of plain characters", received="others")
        if self.ca_path is not None and not self.ca_path.is_file():
            raise _wrong("CA", must="name a file", received="no file")
        if self._is_exposed(parts) and self.has_credentials and not self.is_plain_http_allowed:
            hint = (
                "Use https. Where the network between the two machines is trusted, for example "
                f"inside one host, set {PREFIX}PLAIN_HTTP=yes."
            )
            msg = (
                f"`{PREFIX}URL` must begin with https where there are credentials and the server "
                "is another machine. Received: http"
            )
            raise ServerSettingError(msg, hint=hint)

    @property
    def has_credentials(self) -> bool:
        """Whether we log in."""
        return bool(self.user or self.token)

    @property
    def warning(self) -> str | None:
        """What a person should know of the connection, in one sentence, or `None`."""
        return PLAIN_HTTP_WARNING if self._is_exposed(_split(self.url)) else None

    @staticmethod
    def _is_exposed(parts: SplitResult) -> bool:
        """Tell whether others can listen: no encryption, and not this machine."""
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def settings_from(values: Mapping[str, str]) -> ServerSettings | None:
    """Make settings of named values.

    Args:
        values: By the words of `NAMES` in any case; others are ignored.

    Returns:
        The settings; `None` where no address is given, so that there is no server.

    Raises:
        ServerSettingError: If they are wrong.
    """
    known = {str(name).upper(): str(value).strip() for name, value in values.items()}
    url, user, password, token, ca, plain = (known.get(name, "") for name in NAMES)
    if not url:
        return None
    if plain.lower() not in (*_YES, *_NO):
        raise _wrong("PLAIN_HTTP", must="be yes or no", received="neither")
    ca_path = Path(ca).expanduser() if ca else None
    return ServerSettings(url, user, password, token, ca_path, plain.lower() in _YES)


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> ServerSettings | None:
    """Read the settings from variables `CXR_DICOMWEB_URL` and so on; see `settings_from`."""
    return settings_from(
        {name: environment[PREFIX + name] for name in NAMES if PREFIX + name in environment}
    )


def _split(url: str) -> SplitResult:
    """Take an address apart, or say what is wrong with it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # a port or a bracket that is none, or a name that is too long
        raise _wrong("URL", must="be an address", received="something else") from None
    if parts.scheme not in ("http", "https") or not host or not url.isascii():
        raise _wrong(
            "URL", must="begin with http:// or https:// and a machine", received="something else"
        )
    if parts.username is not None or parts.password is not None:
        raise _wrong(
            "URL", must="hold no credentials (they go in USER and PASSWORD)", received="some"
        )
    if parts.query or parts.fragment or not _is_printable(url) or " " in url or "\\" in url:
        raise _wrong("URL", must="end with its path", received="more")
    return parts


def _is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its name or number, without asking any network."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_printable(text: str) -> bool:
    """Tell whether a text has no line ends or other control characters."""
    return text.isprintable()


def _wrong(names: str, *, must: str, received: str) -> ServerSettingError:
    """Say which setting is wrong; its value is never repeated."""
    shown = " and ".join(f"`{PREFIX}{name}`" for name in names.split(" and "))
    return ServerSettingError(f"{shown} must {must}. Received: {received}")
