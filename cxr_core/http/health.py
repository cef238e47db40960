"""Ask a server whether it is ready, for the health check of a container: `ADDRESS` -> exit status.

    python -m cxr_core.http.health [http://127.0.0.1:8501/readyz]

Without any proxy that the environment names: the question is for this computer.
"""

from __future__ import annotations

import http.client
import sys
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

DEFAULT: Final = "http://127.0.0.1:8501/readyz"
_PATIENCE_S: Final = 4.0


def main(argv: Sequence[str] | None = None) -> int:
    """Ask once.

    Args:
        argv: The address; that of the process if `None`.

    Returns:
        0 if the answer is 200, else 1.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    address = urlsplit(arguments[0] if arguments else DEFAULT)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port or 80, timeout=_PATIENCE_S
    )
    try:
        connection.request("GET", address.path or "/")
        return 0 if connection.getresponse().status == http.client.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
