"""Watches a process from its start: who opens a connection, and what is opened for writing.

Python imports this before anything else where its folder is on `PYTHONPATH`. One line of JSON an
event goes to the file that `CXR_WATCH` names; connections to other computers fail.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
import tempfile
import traceback

LOG = os.open(os.environ["CXR_WATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
NAMES = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
SENDING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
WRITING = os.O_WRONLY | os.O_RDWR
NOWHERE = {os.devnull, "/dev/tty"}


def is_local(host):
    """Whether a host stands for this computer; a listening socket asks for no host at all."""
    if host in (None, "", b"", "localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def tell(kind, what):
    stack = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack()[-12:-2]]
    os.write(LOG, (json.dumps({"kind": kind, "what": what, "stack": stack}) + "\n").encode())


def hook(event, arguments):
    if event in NAMES and not is_local(arguments[0]):
        tell("network", f"{event} {arguments[0]}")
        raise OSError(f"{event}: not in this test")
    if event in SENDING:
        address = arguments[1]
        if isinstance(address, tuple) and not is_local(address[0]):
            tell("network", f"{event} {address[0]}")
            raise OSError(f"{event}: not in this test")
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else None
        if name is not None and name not in NOWHERE:
            tell("write", name)


tempfile.gettempdir()  # asked once a process, by writing a file and removing it
sys.addaudithook(hook)
