"""Processes of the project, forked from one that has imported everything already.

Most tests start a radio, a sensor and a recorder, and more than half of the processor time of such a test went into importing
bumble, numba, SQLAlchemy and FastAPI. Here one process for each pytest worker imports them once and forks the others: each is a
process of its own, with its own standard streams, environment, session, signals and command line, as `subprocess.Popen` starts
it. What a forked program starts itself is forked as well, so a whole `legmon run` takes a fourth of the time.

In the tests `subprocess.Popen` is `Forked`, so that this is so however a program is started. A test of the start itself starts
its program anew: with the fixture `fresh`, or `started(..., fresh=True)`. With `LEGMON_FORK=0` all tests do.

`python -m tests.forked` is the process that forks; it ends when its standard input ends.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
CAN_FORK = sys.platform == "linux" and os.environ.get("LEGMON_FORK") != "0"
PRELOADED = {
    "firmware_sim": (
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
    ),
    "legmon": ("legmon.cli.run", "legmon.app.client", "legmon.app.demo", "legmon.app.replay"),
    "legmon.app.supervisor": ("legmon.app.demo_nights", "legmon.app.evening"),
    "legmon.recorder": (
        "legmon.recorder.process",
        "legmon.recorder.parent",
        "legmon.sensors.registry",
        "legmon.link.hci.scanner",
        "bumble.transport.unix",
        "bleak.backends.bluezdbus.manager",
        "numba",
    ),
    "legmon.web": ("legmon.web.app", "legmon.web.connections", "uvicorn.lifespan.on", "numpy.ma", "numba"),
    "tests.bluez": ("tests.bluez.service",),
    "tests.storm": (),
    "tests.storm.recorder": (
        "legmon.recorder.process",
        "legmon.link.hci.scanner",
        "bumble.transport.unix",
        "numba",
    ),
}
"""The programs that are forked, and what each imports, also later on."""
LONGEST = 200_000
NAME_BYTES = 6000
"""The room for a command line."""
IGNORABLE = tuple(getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name))
"""Signals that a program may let its children ignore."""
Started = subprocess.Popen
"""What starts a process anew."""
_KEPT: list[subprocess.Popen[str]] = []
_address = b""


def program(command: Any) -> str | None:
    """Return the program that a command line starts; None if it is not one of those that are forked."""
    if not CAN_FORK or not isinstance(command, list) or command[:2] != [sys.executable, "-m"]:
        return None
    return command[2] if command[2] in PRELOADED else None


class Forked(Started[Any]):
    """A process; it is forked where it runs a program of the project.

    It overrides what `subprocess.Popen` does between the making of the pipes and their use.
    """

    _asked: socket.socket | None = None

    def _execute_child(self, args: Any, *rest: Any) -> None:
        preparation, descriptors, cwd, environment = rest[1], *rest[3:6]
        if program(args) is None or preparation or descriptors:
            super()._execute_child(args, *rest)  # type: ignore[misc]
            return
        sys.audit("subprocess.Popen", args[0], args, cwd, environment)
        child_in, parent_in, parent_out, child_out, parent_error, child_error = rest[9:15]
        self._asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asked.connect(_forking())
        request = {
            "command": args,
            "environment": dict(os.environ if environment is None else environment),
            "folder": str(Path(cwd or "").resolve()),
            "umask": _umask(),
            "ignored": [s for s in IGNORABLE if signal.getsignal(s) is signal.SIG_IGN],
        }
        theirs = [child_in, child_out, child_error]
        streams = [own if fd == -1 else fd for own, fd in enumerate(theirs)]
        socket.send_fds(self._asked, [json.dumps(request).encode()], streams)
        self.pid = int(self._asked.recv(16))
        self._child_created = True
        self._close_pipe_fds(child_in, parent_in, parent_out, child_out, parent_error, child_error)  # type: ignore[attr-defined]

    def _status(self, within_s: float | None) -> int | None:
        """Return how it ended, in the words of `os.waitpid`; None while it runs."""
        if self._asked is None or not select.select([self._asked], [], [], within_s)[0]:
            return None
        status = int(self._asked.recv(16) or signal.SIGKILL)
        self._asked.close()
        self._asked = None
        return status

    def _internal_poll(self, *arguments: Any, **options: Any) -> int | None:
        if self._asked is None:
            found: int | None = super()._internal_poll(*arguments, **options)  # type: ignore[misc]
            return found
        if self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None and (status := self._status(0.0)) is not None:
                    self.returncode = os.waitstatus_to_exitcode(status)
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._asked is None:
            found: tuple[int, int] = super()._try_wait(flags)  # type: ignore[misc]
            return found
        status = self._status(0.0 if flags & os.WNOHANG else None)
        return (0, 0) if status is None else (self.pid, status)


def _umask() -> int:
    """Return the mask for new files, without changing it for the other threads."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Umask:")), 8)


@cache
def _forking() -> bytes:
    """Return the address of the process that forks; it is started once for each pytest worker."""
    if _address:
        return _address
    command = [sys.executable, "-m", "tests.forked", " " * NAME_BYTES]
    forking = Started(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    _KEPT.append(forking)
    atexit.register(_end, forking)
    assert forking.stdout is not None
    return bytes.fromhex(forking.stdout.readline())


def _end(forking: subprocess.Popen[str]) -> None:
    """End the process that forks, with this one."""
    for pipe in (forking.stdin, forking.stdout):
        assert pipe is not None
        pipe.close()
    forking.wait(60)


@cache
def _preload(name: str) -> None:
    """Import what a program imports, and compile what a recorder would compile with its first samples."""
    for module in PRELOADED[name]:
        importlib.import_module(module)
    if "numba" in PRELOADED[name]:
        from legmon import detect

        detect([[0.0, 0.0, 1.0]] * 3000, 50.0)


def _rename(command: list[str]) -> None:
    """Let the system show this command line as that of this process."""
    begin, end = map(
        int, Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[45:47]
    )
    shown = b"\0".join(word.encode() for word in command)[: end - begin - 1]
    ctypes.memmove(begin, shown.ljust(end - begin, b"\0"), end - begin)


def _run(request: dict[str, Any], streams: list[int], asking: socket.socket) -> NoReturn:
    """Be the program, in a process that was just forked; tell whoever asked for it that it is."""
    status = 1
    try:
        os.setsid()
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for sig in request["ignored"]:
            signal.signal(sig, signal.SIG_IGN)
        os.umask(request["umask"])
        os.chdir(request["folder"])
        _rename(request["command"])
        asking.send(str(os.getpid()).encode())
        os.closerange(3, 256)
        compiled = os.environ.get(
            "NUMBA_CACHE_DIR", ""
        )  # chosen by `legmon.detection.jit` when it was imported
        os.environ.clear()
        os.environ.update(({"NUMBA_CACHE_DIR": compiled} if compiled else {}) | request["environment"])
        errors = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
        unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(0),
            os.fdopen(1, "w", buffering=1 if unbuffered else -1),
            errors,
        )
        sys.argv = request["command"][2:]
        random.seed()
        subprocess.Popen = Forked  # type: ignore[misc]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 (as the interpreter does at the end of a program)
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status & 0xFF)


def main() -> None:
    """Fork a process for each request, until standard input ends."""
    global _address  # noqa: PLW0603 (what is forked here asks here as well)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind("")  # the system chooses a name
    listening.listen(64)
    _address = listening.getsockname()
    print(_address.hex(), flush=True)
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    while True:
        ready = select.select([0, listening.fileno(), woken], [], [])[0]
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            _reap(running)
        if listening.fileno() in ready:
            asking, _ = listening.accept()
            message, streams, _, _ = socket.recv_fds(asking, LONGEST, 3)
            request = json.loads(message)
            _preload(request["command"][2])
            pid = os.fork()
            if pid == 0:
                _run(request, streams, asking)
            running[pid] = asking
            for fd in streams:
                os.close(fd)
        if 0 in ready and not os.read(0, 4096):
            return


def _reap(running: dict[int, socket.socket]) -> None:
    """Write how every process that has ended did so to whoever waits for it."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        asking = running.pop(pid)
        with contextlib.suppress(OSError):  # whoever asked is gone
            asking.send(str(status).encode())
        asking.close()


if __name__ == "__main__":
    main()
