"""Which user of this computer is at the other end of a connection on loopback.

A one-time token is on the command line of the browser that opens it, where every user of the computer can read it. And a
browser sends the cookies of 127.0.0.1 to every port, also to a server of another user. So whoever comes with either must be of
this user. Linux knows that of each socket; elsewhere this is not known, and not checked.
"""

import contextlib
import errno
import os
import socket
import struct
import sys
from typing import Final

_SOCK_DIAG_BY_FAMILY: Final = 20
_REQUEST: Final = 1
_INET_DIAG: Final = 4
_HEADER: Final = struct.Struct("=IHHII")
_QUESTION: Final = struct.Struct("=BBBBI2s2s16s16sI8s")
_ERROR: Final = 2
_UID: Final = 64
"""Where user and inode stand in an answer: after four bytes, the sockets' 48, and three numbers."""
GONE: Final = -1


def user_of(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Return the user of the socket at `remote` that is connected to `local`; None where this cannot be known.

    A socket that nobody holds any more has no user; the answer is then `GONE`. Otherwise somebody could send a request, and
    close the socket before it is looked up.

    Parameters
    ----------
    local, remote : (str, int)
        IPv4 address and port of our end and of the other end.
    """
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError, struct.error):
        question = _QUESTION.pack(
            socket.AF_INET,
            socket.IPPROTO_TCP,
            0,
            0,
            0xFFFF_FFFF,
            struct.pack("!H", remote[1]),
            struct.pack("!H", local[1]),
            socket.inet_aton(remote[0]),
            socket.inet_aton(local[0]),
            0,
            b"\xff" * 8,
        )
        header = _HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _INET_DIAG) as kernel:
            kernel.settimeout(0.2)
            kernel.send(header + question)
            answer = kernel.recv(4096)
        kind = _HEADER.unpack_from(answer)[1]
        if kind == _SOCK_DIAG_BY_FAMILY:
            user, inode = struct.unpack_from("=II", answer, _HEADER.size + _UID)
            return int(user) if inode else GONE
        if kind == _ERROR and struct.unpack_from("=i", answer, _HEADER.size)[0] == -errno.ENOENT:
            return GONE
    return None


def is_other_user(local: tuple[str, int] | None, remote: tuple[str, int] | None) -> bool:
    """Whether the other end belongs to another user of this computer. The administrator (root) counts as this user."""
    if local is None or remote is None or not hasattr(os, "getuid"):
        return False
    user = user_of(local, remote)
    return user is not None and user not in {0, os.getuid()}
