"""``python -m legmon.recorder``, which ``legmon run`` and ``legmon demo`` start; not meant to be started by hand.

It ends when it reads the word `end`, on SIGTERM, or when its standard input ends. With `--when-orphaned` the end of its input
alone means that the supervisor is gone: the recorder goes on, and starts another supervisor, which starts a recorder that takes
this one's place. A signal closes the night only then; while the supervisor lives, it counts as a crash: see
`legmon.recorder.parent`.
"""

import argparse
import asyncio
import contextlib
import faulthandler
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from legmon import __version__, logs
from legmon.catalog.clock import Clock
from legmon.catalog.file import RECORDER_LOCK, file_lock
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.limits import RATE_HZ
from legmon.link.radio import pick
from legmon.messages import FOLDER_READ_ONLY
from legmon.recorder import presence
from legmon.recorder.choice import SensorChoice
from legmon.recorder.parent import Parent, Sign
from legmon.recorder.presence import LOCK_S
from legmon.recorder.process import Recorder

HUNG_S = 60.0  # a slow disk may delay a write for long; compiling the detector takes seconds
HUNG_STATUS, DEFECT_STATUS = 75, 70
TAKE_OVER_S = 5.0  # until the system has unlocked what a killed recorder held
OPEN_STATUS = 74  # a night could not be closed; the sentences are on standard output, each after `open`

log = logging.getLogger("legmon.recorder")


def main() -> int:
    """Record until standard input ends or a signal comes. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m legmon.recorder", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--hci", help="Bluetooth controller over HCI; without it, the operating system's Bluetooth"
    )
    parser.add_argument("--clock", nargs=3, metavar=("NIGHT_NS", "WALL_NS", "SPEED"), default=("0", "0", "1"))
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument(
        "--rate",
        type=int,
        choices=(25, 50, 100, 200),
        default=RATE_HZ,
        help="the rate to ask the sensor for, Hz",
    )
    parser.add_argument("--sensor", help="a family of sensors, or the address of one sensor")
    parser.add_argument(
        "--when-orphaned", type=json.loads, metavar="JSON", help="the command line of another supervisor"
    )
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    os.umask(0o077)  # nights are private to this user
    # A supervisor that hangs reads nothing, and a full pipe would stop whoever writes to it.
    logs.set_up(args.data, "recorder", verbose=args.verbose, on_terminal=args.when_orphaned is None)
    clock = Clock(int(args.clock[0]), int(args.clock[1]), float(args.clock[2]))
    try:
        catalog = Catalog(args.data)
        with _locked(args.data, supervised=args.when_orphaned is not None):
            log.info("legmon %s records%s", __version__, ", simulated" if args.simulated else "")
            before = catalog.recorder()
            for known in before.sensors if before else []:
                logs.hide(known.name, known.address)
            choice = SensorChoice(args.sensor, before)
            recorder = Recorder(
                catalog, pick(args.hci), clock, choice, simulated=args.simulated, rate_hz=args.rate
            )
            return asyncio.run(_record(recorder, args.data, args.when_orphaned))
    except Timeout:
        return _fail(
            f"another legmon is recording into {args.data}; end that one first, or use another folder with --data"
        )
    except LegmonError as e:
        return _fail(str(e), e.status)


@contextlib.contextmanager
def _locked(folder: Path, *, supervised: bool) -> Iterator[None]:
    """Be the only recorder of a data folder, and write that down.

    A supervised recorder takes the place of one whose supervisor is gone. That one ends as in a crash, which loses nothing, so
    that its night stays open and goes on here.

    Raises
    ------
    Timeout
        If another recorder is at work.
    LegmonError
        If the data folder cannot be written.
    """
    lock = file_lock(folder / RECORDER_LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        other = presence.recorder(folder) if supervised else None
        if other is not None and other.supervised:
            log.info("taking the place of recorder %d, whose supervisor is gone", other.pid)
            other.kill()
            lock.acquire(timeout=TAKE_OVER_S)
        else:  # perhaps somebody only looks whether it is locked
            lock.acquire(timeout=LOCK_S)
    except OSError as e:
        raise LegmonError(FOLDER_READ_ONLY.format(folder=folder, why=e.strerror)) from e
    sign = Sign(folder, supervised=supervised)
    try:
        yield
    finally:
        sign.leave()
        lock.release()


def _watch(recorder: Recorder) -> None:
    """End the process if its event loop hangs. It is then started again and resumes the night.

    This runs in a thread: nothing in a loop that hangs can do it.
    """
    while True:
        time.sleep(HUNG_S / 10)
        if time.monotonic() - recorder.beat > HUNG_S:
            print(
                f"the recorder did nothing for {HUNG_S:.0f} s; it ends and is started again",
                file=sys.stderr,
                flush=True,
            )
            faulthandler.dump_traceback(all_threads=True)
            os._exit(HUNG_STATUS)


async def _record(recorder: Recorder, folder: Path, when_orphaned: list[str] | None) -> int:
    Parent(folder, recorder.ended, when_orphaned, recorder.change_speed).obey()
    threading.Thread(target=_watch, args=(recorder,), daemon=True).start()
    print("ready", flush=True)
    try:
        await recorder.run()
    except Exception as e:
        log.exception("the recorder met an error of its own")
        with contextlib.suppress(OSError):
            print(f"{type(e).__name__}: {logs.private(str(e))}", file=sys.stderr, flush=True)
        # leave like a crash: the sensor goes on measuring, and its samples are fetched at the next start
        os._exit(DEFECT_STATUS)
    for sentence in recorder.left_open:
        print(f"open {sentence}", flush=True)
    return OPEN_STATUS if recorder.left_open else 0


def _fail(message: str, status: int = 2) -> int:
    print(message, file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
