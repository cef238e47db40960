"""What a server is set to: its token, whom it answers, and how much it takes at once."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cxr_core.errors import ConfigError
from cxr_core.io import LIMITS, Limits

TOKEN_VARIABLE: Final = "CXR_API_TOKEN"  # noqa: S105 - the name of a variable
HOSTS_VARIABLE: Final = "CXR_API_ALLOWED_HOSTS"
LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
_MIN_TOKEN: Final = 16
_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """What a server is set to; the bounds together bound its memory.

    Attributes:
        token: What requests must carry; `None` lets everybody in.
        allowed_hosts: Host names that requests may name; empty for any.
        variant: Set of heads where a request names none; the bundle's default if `None`.
        precision: Arithmetic where a request names none.
        limits: Largest film.
        max_films: Most films in one request.
        max_body_bytes: Longest body of several films.
        max_held_bytes: Most bytes of bodies in memory at once, over all requests.
        max_requests: Most requests at once, from the first byte of the body to the answer.
        max_per_client: Most of them from one address.
        n_workers: Films decoded at once; the networks take one at a time.
        upload_s: Seconds for a body to come.
        wait_s: Seconds that a request waits for its turn.
        read_s: Seconds from its turn to the answer.
    """

    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    variant: str | None = None
    precision: str = "f32"
    limits: Limits = LIMITS
    max_films: int = 16
    max_body_bytes: int = 128 * _MIB
    max_held_bytes: int = 512 * _MIB
    max_requests: int = 32
    max_per_client: int = 16
    n_workers: int = 2
    upload_s: float = 60.0
    wait_s: float = 30.0
    read_s: float = 120.0

    def __post_init__(self) -> None:
        """Refuse a token that can be guessed or does not fit into a header."""
        if self.token is not None and (len(self.token) < _MIN_TOKEN or not _is_plain(self.token)):
            msg = (
                f"`{TOKEN_VARIABLE}` must have at least {_MIN_TOKEN} letters of ASCII without "
                f"blanks. Received: {len(self.token)} letters"
            )
            raise ConfigError(msg, hint="Make one with `openssl rand -hex 32`.")


def token_from(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the token that the environment sets.

    Args:
        environment: Variables.

    Returns:
        The token, or `None` where the variable is missing or empty.
    """
    return environment.get(TOKEN_VARIABLE, "").strip() or None


def hosts_from(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the host names that the environment allows, separated there by commas."""
    names = environment.get(HOSTS_VARIABLE, "").split(",")
    return tuple(name.strip().lower() for name in names if name.strip())


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this computer only.

    Args:
        host: An address or name to listen on.

    Returns:
        True for `localhost` and the loopback addresses; any other name counts as open.
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_plain(token: str) -> bool:
    """Tell whether all letters can stand in a header."""
    return token.isascii() and token.isprintable() and " " not in token
