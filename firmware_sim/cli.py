"""The commands ``air`` and ``sensor``, for a person or a parent process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firmware_sim.cli_files import BadInputError, FailedError, Seed, read_night, read_playback, register
from firmware_sim.outside import sentence, shortened

if TYPE_CHECKING:
    from firmware_sim.night import Night

app = typer.Typer(
    name="firmware_sim",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=(
        "A simulated ankle sensor for legmon. "
        "Everything from HCI up is real Bluetooth LE; the air, the chip and the leg are simulated.\n\n"
        "Try it with three terminals:\n\n"
        "    python -m firmware_sim air unix:/tmp/air\n\n"
        "    python -m firmware_sim sensor unix-client:/tmp/air --speed 60\n\n"
        "    (your client, on the HCI transport unix-client:/tmp/air)\n\n"
        "Or write the files of a night at once:\n\n"
        "    python -m firmware_sim render scenario.yaml -o night\n\n"
        "See firmware_sim/README.md and docs/scenarios.md."
    ),
)

register(app)

_STATIC_RANDOM = re.compile(r"[C-F][0-9A-F](?::[0-9A-F]{2}){5}", re.IGNORECASE)
BUFFER = 1_440_000
"""Eight hours at 50 Hz, 8.6 MB: a small flash chip."""
_ADDRESSES = {"left": "C4:4C:4D:00:00:01", "right": "C4:4C:4D:00:00:02"}

UntilEof = Annotated[bool, typer.Option("--until-eof", help="Also end when standard input ends.")]


@app.command()
def air(
    spec: Annotated[
        str, typer.Argument(help="unix:/path or tcp:127.0.0.1:port; with port 0 it takes a free port.")
    ],
    *,
    until_eof: UntilEof = False,
) -> None:
    """Carry packets between all radios that connect. Print "ready PLACE" when the air is open."""
    _log_to_stderr()
    # bumble warns of every packet that was under way when a connection ended; on a radio this is normal.
    logging.getLogger("bumble.controller").setLevel(logging.CRITICAL)
    asyncio.run(_air(spec, until_eof=until_eof))


async def _air(spec: str, *, until_eof: bool) -> None:
    from firmware_sim.air import AirError, AirLink, open_air
    from firmware_sim.lifetime import end_requested

    link = AirLink()

    def obey(line: str) -> None:
        """Obey ``shadow ADDRESS SECONDS`` (out of reach) or ``strength ADDRESS DBM`` (signal strength)."""
        words = line.split()
        with contextlib.suppress(ValueError):
            if len(words) == 3 and words[0] == "shadow":
                link.shadow(words[1], float(words[2]))
            if len(words) == 3 and words[0] == "strength":
                link.strengths[words[1]] = int(words[2])

    try:
        with end_requested(until_eof=until_eof, on_line=obey) as end:
            async with open_air(spec, link) as place:
                print(f"ready {place}", flush=True)
                await end.wait()
    except AirError as error:
        raise (BadInputError if error.bad_spec else FailedError)(str(error)) from error


@app.command()
def sensor(
    transport: Annotated[
        str,
        typer.Argument(
            help="HCI transport: unix-client:/path, tcp-client:host:port, usb:0, serial:/dev/ttyACM0,1000000."
        ),
    ],
    *,
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario to play. Without it, eight plain hours.")
    ] = None,
    seed: Seed = None,
    play: Annotated[
        Path | None,
        typer.Option(help="Play this CSV (time_s,x_g,y_g,z_g) instead of a scenario."),
    ] = None,
    leg: Annotated[
        Literal["left", "right"] | None,
        typer.Option(help="The ankle that --play is from; left by default."),
    ] = None,
    speed: Annotated[float, typer.Option(help="How many times faster than real time, 0.01 to 10000.")] = 1.0,
    name: Annotated[str | None, typer.Option(help="Advertised name, LegMon-... ")] = None,
    address: Annotated[str | None, typer.Option(help="Static random address AA:BB:CC:DD:EE:FF.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="Write what the sensor does to this file, one JSON object per line.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Start as after a reboot, with the flash memory that --log holds."),
    ] = False,
    buffer: Annotated[
        int, typer.Option(min=0, help="Samples to keep for back-fill; 0 for no buffer.")
    ] = BUFFER,
    truth: Annotated[
        Path | None, typer.Option(help="Write the true movements of the night to this file at the start.")
    ] = None,
    progress: Annotated[
        bool,
        typer.Option(
            "--progress",
            help='Print "plays LEG HZ SECONDS" at the start and "over" at the end, for a parent process.',
        ),
    ] = False,
    family: Annotated[
        str | None, typer.Option(help="Simulate a commodity sensor: polar, movesense, witmotion, bangle …")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model of the family.")] = None,
    stop_after: Annotated[
        float | None, typer.Option(help="End the stream after this many seconds (polar only).")
    ] = None,
    until_eof: UntilEof = False,
) -> None:
    """Run a sensor on an HCI transport. Print "advertising NAME ADDRESS" when it can be found."""
    _log_to_stderr()
    night: Night
    if play is None:
        from firmware_sim.night import Performed

        if leg is not None:
            raise BadInputError("Use --leg only with --play; a scenario names its leg itself.")
        night = Performed(read_night(scenario, seed))
    else:
        if scenario is not None or seed is not None or truth is not None:
            raise BadInputError(
                "Do not use --play with --scenario, --seed or --truth: a recording has none of them."
            )
        night = read_playback(play, leg or "left")
    from firmware_sim.render import sensor_name

    name = sensor_name(night.leg) if name is None else name
    address = (_ADDRESSES[night.leg] if address is None else address).upper()
    _check_sensor(speed, name, address)
    if family is not None:
        from firmware_sim.cli_families import Options, build_firmware
        from firmware_sim.cli_families import play as play_family

        options = Options(address, speed, log, truth, progress=progress, until_eof=until_eof)
        asyncio.run(play_family(transport, build_firmware(family, model, night, stop_after), options))
        return
    if resume and log is None:
        raise BadInputError("--resume needs the --log of the earlier run.")
    asyncio.run(
        _sensor(
            transport,
            night,
            speed,
            name,
            address,
            log_path=log,
            resume=resume,
            buffer=buffer,
            truth_path=truth,
            progress=progress,
            until_eof=until_eof,
        )
    )


def _check_sensor(speed: float, name: str, address: str) -> None:
    from firmware_sim.profile import LONGEST_NAME, NAME_PREFIX

    name, address = shortened(name, 100), shortened(address, 100)
    if not 0.01 <= speed <= 10000.0:
        raise BadInputError(f"--speed {speed:g} is not from 0.01 to 10000.")
    if not (
        name.startswith(NAME_PREFIX) and name.isascii() and name.isprintable() and len(name) <= LONGEST_NAME
    ):
        raise BadInputError(
            f'--name "{name}" must be {NAME_PREFIX} and up to {LONGEST_NAME - len(NAME_PREFIX)} more ASCII characters.'
        )
    if not _STATIC_RANDOM.fullmatch(address):
        raise BadInputError(
            f'--address "{address}" is not a static random address: six bytes such as C4:4C:4D:00:00:01, from C0 up.'
        )


async def _sensor(
    transport_spec: str,
    night: Night,
    speed: float,
    name: str,
    address: str,
    *,
    log_path: Path | None,
    resume: bool,
    buffer: int,
    truth_path: Path | None,
    progress: bool,
    until_eof: bool,
) -> None:
    from firmware_sim.flash import read_flash
    from firmware_sim.journal import Journal
    from firmware_sim.lifetime import end_requested
    from firmware_sim.mischief import Mischief
    from firmware_sim.night import Performed
    from firmware_sim.peripheral import Peripheral
    from firmware_sim.plugged import plugged, until_end
    from firmware_sim.sensor import Sensor
    from firmware_sim.truth import write_truth
    from firmware_sim.uptime import Uptime

    uptime = Uptime(speed)
    flash = read_flash(log_path) if resume and log_path is not None else None
    firmware = Sensor(
        night,
        sensor_id=int(address.replace(":", ""), 16),
        # Random, so that the number after a reboot is a new one.
        first_stream=secrets.randbelow(0x10000),
        depth=buffer,
    )
    mischief = Mischief()

    def obey(line: str) -> bool:
        return mischief.take(line) or uptime.take(line)

    with contextlib.ExitStack() as stack:
        try:
            if truth_path is not None and isinstance(night, Performed):
                write_truth(truth_path, night.sleeper)
            journal = stack.enter_context(Journal(log_path, goes_on=flash is not None))
        except OSError as error:
            raise FailedError(f"{error.filename}: cannot be written ({error.strerror}).") from error
        end = stack.enter_context(end_requested(until_eof=until_eof, on_line=obey))
        transport = await plugged(transport_spec)
        peripheral = Peripheral(
            firmware,
            transport,
            name=name,
            address=address,
            uptime=uptime,
            journal=journal,
            over=lambda: print("over", flush=True) if progress else None,
            mischief=mischief,
        )
        uptime.on_change = peripheral.note_pace
        if flash is not None:
            zero_ns, streams = flash
            now_us = uptime.us()
            firmware.reboot(streams, now_us=now_us, night_us=-int((uptime.born_ns - zero_ns) * speed) // 1000)
            if firmware.stream is not None:
                peripheral.note_start(firmware.stream)
        try:
            await peripheral.advertise()
            print(f"advertising {name} {address}", flush=True)
            if progress:
                print(f"plays {night.leg} {night.declared_rate_hz} {night.duration_s:.3f}", flush=True)
            await until_end(peripheral.run(), transport, end, transport_spec)
        finally:
            await transport.close()


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def run() -> int:
    """Run the command line and return its exit status: 0 done, 1 failed, 2 wrong options or bad input."""
    try:
        # standalone_mode=False: otherwise typer prints a usage text around every error.
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except typer.Abort:
        return 0
    except BadInputError as error:
        print(sentence(error), file=sys.stderr)
        return 2
    except FailedError as error:
        print(sentence(error), file=sys.stderr)
        return 1
    except typer.TyperException as error:
        print(f"{sentence(error.format_message())} (python -m firmware_sim --help)", file=sys.stderr)
        return 2
    return int(status or 0)
