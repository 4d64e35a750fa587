"""Processes of the simulated firmware, forked from one that has imported everything already.

Most tests start an air and a sensor, and half of the processor time of such a test went into importing bumble and numpy. Here
one process for each pytest worker imports them once, and forks the others: each is a process of its own, with its own standard
streams, environment, session and signals, as `subprocess.Popen` would start it. The programs under test are never started this
way, and `tests/firmware_sim` starts the simulated firmware as a person does.

`python -m tests.forked FD` is that process; it ends when the socket `FD` ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).parents[1]
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
PRELOADED = (
    "firmware_sim.cli",
    "firmware_sim.cli_families",
    "firmware_sim.air",
    "firmware_sim.families.peripheral",
    "firmware_sim.flash",
    "firmware_sim.mischief",
    "firmware_sim.peripheral",
    "firmware_sim.plugged",
    "firmware_sim.truth",
    "bumble.transport.unix",
)
LONGEST = 200_000
_KEPT: list[subprocess.Popen[bytes]] = []


class Forked:
    """A process that was forked; what the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, status: int, stdin: IO[str], stdout: IO[str], stderr: IO[str]) -> None:
        self.pid = pid
        self._status = status
        self.stdin: IO[str] | None = stdin
        self.stdout: IO[str] | None = stdout
        self.stderr: IO[str] | None = stderr
        self.returncode: int | None = None

    def _ended(self, within_s: float | None) -> bool:
        if self.returncode is None and select.select([self._status], [], [], within_s)[0]:
            self.returncode = int(os.read(self._status, 16) or b"-9")
            os.close(self._status)
        return self.returncode is not None

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""
        self._ended(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit status."""
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired("firmware_sim", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


@cache
def _parent() -> socket.socket:
    """Start the process that forks, once for each pytest worker."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.forked", str(theirs.fileno())]
    _KEPT.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT, pass_fds=[theirs.fileno()]))
    theirs.close()
    return ours


def fork_simulator(arguments: tuple[str, ...]) -> Forked:
    """Run ``python -m firmware_sim`` with these arguments, forked."""
    pipes = [os.pipe() for _ in range(4)]  # stdin, stdout, stderr, exit status
    theirs = [pipes[0][0], *(write for _, write in pipes[1:])]
    request = json.dumps({"arguments": arguments, "environment": dict(os.environ)}).encode()
    socket.send_fds(_parent(), [request], theirs)
    for fd in theirs:
        os.close(fd)
    pid = int(_parent().recv(16))
    return Forked(
        pid,
        pipes[3][0],
        os.fdopen(pipes[0][1], "w"),
        os.fdopen(pipes[1][0]),
        os.fdopen(pipes[2][0]),
    )


def _run(arguments: list[str], environment: dict[str, str], streams: list[int]) -> NoReturn:
    """Be the simulated firmware, in a process that was just forked."""
    status = 1
    try:
        os.setsid()
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(environment)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
        sys.argv = ["firmware_sim", *arguments]
        random.seed()
        from firmware_sim.__main__ import main

        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 (as the interpreter does at the end of a program)
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status & 0xFF)


def main() -> None:
    """Fork a process for each request until the socket ends."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    for module in PRELOADED:
        __import__(module)
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    while True:
        ready = select.select([requests.fileno(), woken], [], [])[0]
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            _reap(running)
        if requests.fileno() in ready:
            request, streams, _, _ = socket.recv_fds(requests, LONGEST, 4)
            if not request:
                return
            asked = json.loads(request)
            pid = os.fork()
            if pid == 0:
                _run(asked["arguments"], asked["environment"], streams[:3])
            running[pid] = streams[3]
            for fd in streams[:3]:
                os.close(fd)
            requests.send(str(pid).encode())


def _reap(running: dict[int, int]) -> None:
    """Write the exit status of every process that has ended to whoever waits for it."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        fd = running.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(fd, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(fd)


if __name__ == "__main__":
    main()
