"""Start the command line of ``python -m firmware_sim``."""

import signal
import sys
from types import FrameType


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Run the command line; a signal ends it without a traceback, even during the imports."""
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    from firmware_sim.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
