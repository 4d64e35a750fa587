"""``python -m legmon.recorder``, which ``legmon run`` and ``legmon demo`` start; not meant to be started by hand."""

import argparse
import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

from filelock import FileLock, Timeout

from legmon.catalog.clock import Clock
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.limits import RATE_HZ
from legmon.link.radio import pick
from legmon.recorder.choice import SensorChoice
from legmon.recorder.process import Recorder

HUNG_S = 60.0  # a slow disk may delay a write for long; compiling the detector takes seconds
HUNG_STATUS, DEFECT_STATUS = 75, 70
OPEN_STATUS = 74  # a night could not be closed; the sentences are on standard output, each after `open`


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
    args = parser.parse_args()
    os.umask(0o077)  # nights are private to this user
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    clock = Clock(int(args.clock[0]), int(args.clock[1]), float(args.clock[2]))
    try:
        catalog = Catalog(args.data)
        with FileLock(args.data / "recorder.lock", timeout=0):
            choice = SensorChoice(args.sensor, catalog.recorder())
            recorder = Recorder(
                catalog, pick(args.hci), clock, choice, simulated=args.simulated, rate_hz=args.rate
            )
            return asyncio.run(_record(recorder))
    except Timeout:
        return _fail(
            f"another legmon is recording into {args.data}; end that one first, or use another folder with --data"
        )
    except LegmonError as e:
        return _fail(str(e), e.status)


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


async def _record(recorder: Recorder) -> int:
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: the end of standard input ends it
            loop.add_signal_handler(sig, recorder.ended.set)
    threading.Thread(target=_await_end_of_input, args=(loop, recorder.ended), daemon=True).start()
    threading.Thread(target=_watch, args=(recorder,), daemon=True).start()
    print("ready", flush=True)
    try:
        await recorder.run()
    except Exception:  # noqa: BLE001 (any programming error)
        traceback.print_exc()
        # leave like a crash: the sensor goes on measuring, and its samples are fetched at the next start
        os._exit(DEFECT_STATUS)
    for sentence in recorder.left_open:
        print(f"open {sentence}", flush=True)
    return OPEN_STATUS if recorder.left_open else 0


def _await_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Wait until the parent has ended, in whatever way: its end of the pipe closes then."""
    while os.read(0, 4096):  # not sys.stdin: its lock would abort the interpreter at exit
        pass
    loop.call_soon_threadsafe(ended.set)


def _fail(message: str, status: int = 2) -> int:
    print(message, file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
