"""Run a commodity sensor on an HCI transport: ``python -m firmware_sim sensor --family …``."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.cli_files import BadInputError, FailedError
from firmware_sim.families import FAMILIES, Firmware
from firmware_sim.night import Night, Performed


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a commodity sensor."""

    address: str
    speed: float
    log: Path | None
    truth: Path | None
    progress: bool
    until_eof: bool


def build_firmware(family: str, model: str | None, night: Night, stop_after_s: float | None) -> Firmware:
    """Build the firmware of a family and model.

    Raises
    ------
    BadInputError
        If there is no such family or model.
    """
    kind = FAMILIES.get(family)
    if kind is None:
        raise BadInputError(f'There is no family "{family}"; there are {", ".join(FAMILIES)}.')
    if model is not None and model not in kind.models:
        raise BadInputError(f'{family} has no model "{model}"; it has {", ".join(kind.models)}.')
    return kind(night, model or kind.models[0], stop_after_s=stop_after_s)


async def play(transport_spec: str, firmware: Firmware, options: Options) -> None:
    """Run the sensor until it should end.

    Raises
    ------
    BadInputError, FailedError
        If the transport is not valid, not there, or disconnects.
    """
    from firmware_sim.families.peripheral import FamilyPeripheral
    from firmware_sim.journal import Journal
    from firmware_sim.lifetime import end_requested
    from firmware_sim.mischief import Mischief
    from firmware_sim.plugged import plugged, until_end
    from firmware_sim.truth import write_truth

    born, night, mischief = time.monotonic_ns(), firmware.night, Mischief()
    with contextlib.ExitStack() as stack:
        try:
            if options.truth is not None and isinstance(night, Performed):
                write_truth(options.truth, night.sleeper)
            journal = stack.enter_context(Journal(options.log))
        except OSError as error:
            raise FailedError(f"{error.filename}: cannot be written ({error.strerror}).") from error
        end = stack.enter_context(end_requested(until_eof=options.until_eof, on_line=mischief.take))
        transport = await plugged(transport_spec)
        peripheral = FamilyPeripheral(
            firmware,
            transport,
            address=options.address,
            clock=lambda: int((time.monotonic_ns() - born) * options.speed) // 1000,
            speed=options.speed,
            journal=journal,
            over=lambda: print("over", flush=True) if options.progress else None,
            mischief=mischief,
        )
        try:
            await peripheral.advertise()
            print(f"advertising {firmware.name} {options.address}", flush=True)
            if options.progress:
                print(f"plays {night.leg} {night.declared_rate_hz} {night.duration_s:.3f}", flush=True)
            await until_end(peripheral.run(), transport, end, transport_spec)
        finally:
            await transport.close()
