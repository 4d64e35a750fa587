"""What a person or a parent process types to run a part of the simulation."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from firmware_sim.peripheral import Peripheral
    from firmware_sim.render import Progress
    from firmware_sim.scenario import Scenario

app = typer.Typer(
    name="firmware_sim",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=(
        "A simulated ankle sensor for legmon. "
        "It is reached over real Bluetooth LE from HCI up; the air, the chip and the leg are simulated.\n\n"
        "Try it with three terminals:\n\n"
        "    python -m firmware_sim air unix:/tmp/air\n\n"
        "    python -m firmware_sim sensor unix-client:/tmp/air --speed 60\n\n"
        "    (your client, on the HCI transport unix-client:/tmp/air)\n\n"
        "or make a night's files at once:\n\n"
        "    python -m firmware_sim render scenario.yaml -o night"
    ),
)

_STATIC_RANDOM = re.compile(r"[C-F][0-9A-F](?::[0-9A-F]{2}){5}", re.IGNORECASE)
_ADDRESSES = {"left": "C4:4C:4D:00:00:01", "right": "C4:4C:4D:00:00:02"}

UntilEof = Annotated[bool, typer.Option("--until-eof", help="End also when standard input ends.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Use this seed instead of the scenario's.")]
ShowProgress = Annotated[
    bool, typer.Option("--progress", help='Print "progress 0.25" lines, for a parent process.')
]


class BadInputError(Exception):
    """What was asked for makes no sense; the message says what to do."""


class FailedError(Exception):
    """It could not be done; the message says what to do."""


@app.command()
def air(
    spec: Annotated[str, typer.Argument(help="unix:/path or tcp:127.0.0.1:port; port 0 takes a free one.")],
    *,
    until_eof: UntilEof = False,
) -> None:
    """Carry packets between everything that connects; print "ready PLACE" when it can be reached."""
    _log_to_stderr()
    # bumble warns of every packet that was on its way when a connection ended; on a radio that is nothing.
    logging.getLogger("bumble.controller").setLevel(logging.CRITICAL)
    asyncio.run(_air(spec, until_eof=until_eof))


async def _air(spec: str, *, until_eof: bool) -> None:
    from firmware_sim.air import AirError, open_air
    from firmware_sim.lifetime import told_to_end

    try:
        with told_to_end(until_eof=until_eof) as told:
            async with open_air(spec) as place:
                print(f"ready {place}", flush=True)
                await told.wait()
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
        Path | None, typer.Option(help="Scenario to play; without it, eight plain hours.")
    ] = None,
    seed: Seed = None,
    speed: Annotated[float, typer.Option(help="How many times faster than real time, 0.01 to 10000.")] = 1.0,
    name: Annotated[str | None, typer.Option(help="Advertised name, LegMon-... ")] = None,
    address: Annotated[str | None, typer.Option(help="Static random address AA:BB:CC:DD:EE:FF.")] = None,
    log: Annotated[Path | None, typer.Option(help="Write what it does here, a JSON object a line.")] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Write the night's true movements here at start.")
    ] = None,
    until_eof: UntilEof = False,
) -> None:
    """Be an ankle sensor on an HCI transport; print "advertising NAME ADDRESS" when it can be found."""
    _log_to_stderr()
    night = _read(scenario, seed)
    from firmware_sim.render import sensor_name

    name = sensor_name(night.leg) if name is None else name
    address = (_ADDRESSES[night.leg] if address is None else address).upper()
    _check_sensor(speed, name, address)
    asyncio.run(
        _sensor(transport, night, speed, name, address, log_path=log, truth_path=truth, until_eof=until_eof)
    )


def _check_sensor(speed: float, name: str, address: str) -> None:
    from firmware_sim.profile import LONGEST_NAME, NAME_PREFIX

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
    night: Scenario,
    speed: float,
    name: str,
    address: str,
    *,
    log_path: Path | None,
    truth_path: Path | None,
    until_eof: bool,
) -> None:
    from bumble.transport import open_transport
    from bumble.transport.common import TransportSpecError

    from firmware_sim.journal import Journal
    from firmware_sim.lifetime import told_to_end
    from firmware_sim.peripheral import Peripheral
    from firmware_sim.sensor import Sensor
    from firmware_sim.truth import write_truth

    born = time.monotonic_ns()
    firmware = Sensor(
        night,
        sensor_id=int(address.replace(":", ""), 16),
        # Random, so that after a reboot it is another one than before.
        first_stream=secrets.randbelow(0x10000),
    )
    with contextlib.ExitStack() as stack:
        try:
            if truth_path is not None:
                write_truth(truth_path, firmware.sleeper)
            journal = stack.enter_context(Journal(log_path))
        except OSError as error:
            raise FailedError(f"{error.filename}: cannot be written ({error.strerror}).") from error
        told = stack.enter_context(told_to_end(until_eof=until_eof))
        try:
            transport = await open_transport(transport_spec)
        except (TransportSpecError, ValueError) as error:
            raise BadInputError(
                f'"{transport_spec}" is not an HCI transport: write for example unix-client:/tmp/air or usb:0.'
            ) from error
        except OSError as error:
            raise FailedError(
                f"Nothing answers at {transport_spec} ({error}); start an air there, or plug the dongle in."
            ) from error
        peripheral = Peripheral(
            firmware,
            transport,
            name=name,
            address=address,
            clock=lambda: int((time.monotonic_ns() - born) * speed) // 1000,
            speed=speed,
            journal=journal,
        )
        try:
            await peripheral.advertise()
            print(f"advertising {name} {address}", flush=True)
            await _until_told(peripheral, transport.source.terminated, told, transport_spec)
        finally:
            await transport.close()


async def _until_told(
    peripheral: Peripheral, lost: asyncio.Future[None], told: asyncio.Event, transport_spec: str
) -> None:
    working = asyncio.create_task(peripheral.run())
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait((working, waiting, lost), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        if lost.done() and not told.is_set():
            raise FailedError(f"The radio at {transport_spec} has gone; start it again, then the sensor.")
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


@app.command()
def render(
    scenario: Annotated[Path, typer.Argument(help="Scenario file; see firmware_sim/scenario.py.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write into.")],
    seed: Seed = None,
    progress: ShowProgress = False,
) -> None:
    """Write a night as left.csv or right.csv, with its truth.json."""
    from firmware_sim.render import render as write

    with _progress(to_stdout=progress) as report, _writing(out):
        write(_read(scenario, seed), out, report)


@app.command()
def capture(
    scenario: Annotated[Path, typer.Argument(help="Scenario file; see firmware_sim/scenario.py.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write.")],
    seed: Seed = None,
    progress: ShowProgress = False,
) -> None:
    """Write the notifications of a night, as a sensor would have sent them, with its truth beside it."""
    from firmware_sim.render import capture as write

    with _progress(to_stdout=progress) as report, _writing(out):
        write(_read(scenario, seed), out, report)


def _read(path: Path | None, seed: int | None) -> Scenario:
    from firmware_sim.scenario import DEFAULT, ScenarioError, read_scenario

    try:
        night = DEFAULT if path is None else read_scenario(path)
    except ScenarioError as error:
        raise BadInputError(str(error)) from error
    return night if seed is None else replace(night, seed=seed)


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FailedError(f"{error.filename or out}: cannot be written ({error.strerror}).") from error


@contextlib.contextmanager
def _progress(*, to_stdout: bool) -> Iterator[Progress]:
    """Tell how far the work is: lines for a parent, a bar for a person, nothing for a file."""
    if to_stdout:
        yield lambda done: print(f"progress {done:.2f}", flush=True)
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("simulating the night", total=1.0)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield lambda _done: None


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def run() -> int:
    """Run the command line and return its exit status: 0 done, 1 it went wrong, 2 asked wrongly or bad input."""
    try:
        # standalone_mode=False: typer would otherwise print a usage text around every error.
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except typer.Abort:
        return 0
    except BadInputError as error:
        print(error, file=sys.stderr)
        return 2
    except FailedError as error:
        print(error, file=sys.stderr)
        return 1
    except typer.TyperException as error:
        print(f"{error.format_message()} (python -m firmware_sim --help)", file=sys.stderr)
        return 2
    return int(status or 0)
