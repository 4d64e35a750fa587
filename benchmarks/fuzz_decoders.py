"""Fuzz a driver's decoders, guided by coverage: only `FrameError` may be raised, and memory may not grow.

``uv run --group fuzz python -m benchmarks.fuzz_decoders polar 1000000``

The bytes are notifications of a sensor, in one or several pieces. Each run begins after the start of a conversation. The
program prints one JSON object at the end: executions and crashes. It is not part of the tests, which have random bytes of
their own.
"""

import copy
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import atheris

with atheris.instrument_imports(include=["legmon.sensors"]):
    from benchmarks.scripted import SCRIPTS, held, started
    from legmon.sensors import ankle
    from legmon.sensors.base import Frame, FrameError
    from legmon.sensors.polar import control
    from legmon.sensors.registry import registry

MOST_HELD = 4096
LONGEST = dict.fromkeys(("microbit", "adafruit", "thingy52", "infinitime", "metamotion"), 64) | {
    "witmotion": 100
}
LONGEST_ELSE = 260
"""Bytes of an input: three of the longest notifications of those whose are short, one of the others'."""
Read = Callable[[bytes], Any]


def _tolerant(read: Read, data: bytes) -> None:
    try:
        read(data)
    except FrameError:
        return


SIZES = (512, 20, 28, 64, 13, 7, 244, 3)


def _pieces(data: bytes) -> list[bytes]:
    """Cut the input into pieces. Its first byte is their length."""
    size = SIZES[data[0] % len(SIZES)] if data else 1
    return [data[at : at + size] for at in range(1, len(data), size)] or [b""]


def _copied(conversation: Any) -> Any:
    """Return a copy of a conversation that shares no mutable state with it."""
    fresh = copy.copy(conversation)
    for name, value in vars(conversation).items():
        if type(value).__module__.startswith("legmon") and type(value).__name__ != "Layout":
            setattr(fresh, name, copy.copy(value))
    return fresh


def target(name: str) -> Callable[[bytes], None]:
    """Run the decoders on one input."""
    extra: list[Read] = []
    if name == "ankle":
        begin: Callable[[], Any] = lambda: ankle.DRIVER.decoder({})  # noqa: E731
    else:
        driver: Any = registry().drivers[name]
        begin = lambda: driver.decoder({})  # noqa: E731
    if name == "polar":
        extra = [
            control.decode_response,
            control.decode_settings,
            lambda data: control.factor(control.decode_settings(data)),
            control.decode_features,
            control.decode_stopped,
            control.decode_status,
        ]
    conversing = started(name).conversation if name in SCRIPTS else None
    uuids = SCRIPTS[name][2] if name in SCRIPTS else ()

    def run(data: bytes) -> None:
        pieces = _pieces(data)
        if conversing is not None and data and data[0] & 8:
            talk(pieces, data)
            return
        decoder = begin()
        for at, piece in enumerate(pieces):
            _tolerant(
                lambda d, at=at: decoder.read(d, pieces[at + 1] if at + 1 < len(pieces) else None), piece
            )
        for read in extra:
            _tolerant(read, data)

    def talk(pieces: list[bytes], data: bytes) -> None:
        for uuid in uuids:
            conversation = _copied(conversing)
            samples = 0
            for piece in pieces:
                try:
                    events = conversation.received(uuid, piece)
                except FrameError:
                    continue
                samples += sum(len(e.xyz) for e in events if isinstance(e, Frame))
            if samples > 1024 * len(pieces):
                raise MemoryError(f"{samples} samples of {len(data)} bytes")
            if held(conversation) > MOST_HELD:
                raise MemoryError(f"{held(conversation)} bytes held")

    return run


def main() -> None:
    """Run one decoder."""
    name, runs = sys.argv[1], int(sys.argv[2])
    run = target(name)
    executions = crashes = 0
    begun = time.monotonic()

    def counted(data: bytes) -> None:
        nonlocal executions, crashes
        executions += 1
        try:
            run(data)
        except Exception as e:  # noqa: BLE001  (whatever comes out but a FrameError is what we look for)
            crashes += 1
            print(f"{type(e).__name__}: {e}: {data.hex()}", file=sys.stderr, flush=True)
        if executions >= runs or executions % 1_000_000 == 0:
            spent = round(time.monotonic() - begun, 1)
            print(
                json.dumps({"decoder": name, "executions": executions, "crashes": crashes, "seconds": spent}),
                flush=True,
            )
        if executions >= runs:
            os._exit(0 if not crashes else 1)  # the fuzzer has its own way of ending, and no way back

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_len={LONGEST.get(name, LONGEST_ELSE)}",
            "-timeout=10",
            "-rss_limit_mb=1024",
            *sys.argv[3:],
        ],
        counted,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
