"""``legmon sensors`` and ``legmon decode``: the known families of sensors, and what their drivers read from bytes."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from legmon.cli.options import JsonOption, print_json
from legmon.errors import LegmonError
from legmon.quoting import plain, shortened, shown

if TYPE_CHECKING:
    from legmon.sensors.decode import Decoder


class SensorError(LegmonError):
    """The sensor, a setting or the bytes are not valid."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sensors")(sensors)
    app.command("decode")(decode)


def sensors(json: JsonOption = False) -> None:
    """List the families of sensors that legmon can record with, and what each can do.

    Examples: [bold]legmon sensors[/bold] · for a program: [bold]legmon sensors --json[/bold] · then record with one of them:
    [bold]legmon run --sensor polar[/bold]
    """
    from legmon.sensors.registry import registry

    known = registry()
    listed = [described(driver) for driver in known.drivers.values()]
    if json:
        print_json({"sensors": listed, "broken": dict(known.broken)})
        return
    from rich.table import Column, Table

    from legmon.terminal import console as plain_console

    first = Column("name", no_wrap=True)
    table = Table(first, "sensor", "Hz", "± g", "clock", "loss by", "buffer", box=None, pad_edge=False)
    rest = Table(Column(no_wrap=True), "", box=None, pad_edge=False, show_header=False)
    for one in listed:
        rates, ranges = (_span(one[key]) for key in ("rates_hz", "ranges_g"))
        clock, buffer = ("yes" if one[key] else "no" for key in ("device_time", "buffer"))
        title = one["title"] + (" (bench)" if one["bench"] else "")
        cells = (one["name"], title, rates, ranges, clock, LOSS[one["loss"]], buffer)
        table.add_row(*cells)
        if one["idle"]:
            rest.add_row(one["name"], one["idle"])
    console = plain_console()
    console.print(table)
    console.print(
        "\nclock: frames carry the sensor's own time; loss by: what reveals a loss; buffer: lost samples can be fetched again;"
        "\nbench: a board for experiments, which legmon run uses only by name (--sensor)."
    )
    console.print("\nWhile it lies still, or when the link goes:")
    console.print(rest)
    for name, why in known.broken.items():
        console.print(f"\n{name} is left out: {why}")
    console.print(
        "\nWhat to buy and what goes wrong: docs/sensors.md. Try yours with legmon qualify before a night."
    )


LOSS = {"index": "its count", "time": "its times", "arrival": "pauses"}


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low}–{high}"


def described(driver: Any) -> dict[str, Any]:
    """Return what a driver declares, as a JSON object."""
    from legmon.sensors.decode import Decodes

    declares = driver.declares
    return {
        "name": driver.name,
        "title": driver.title,
        "rates_hz": list(declares.rates_hz),
        "ranges_g": list(declares.ranges_g),
        "device_time": declares.device_time,
        "loss": declares.loss,
        "buffer": declares.buffer,
        "frame_s": declares.frame_s,
        "idle": declares.idle,
        "idle_s": declares.idle_s,
        "bench": declares.bench,
        "pairs": driver.pairs,
        "settings": dict(driver.settings) if isinstance(driver, Decodes) else {},
    }


def decode(
    sensor: Annotated[str, typer.Argument(metavar="SENSOR", help="A name of `legmon sensors`.")],
    hexes: Annotated[list[str], typer.Argument(metavar="HEX…", help="Notifications in the order they came.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What the sensor answered at the start, such as factor=0.000244.",
        ),
    ] = None,
) -> None:
    """Show what a driver reads from captured notifications: one JSON object a line for each.

    An object has `samples_g`, `time_ns` of each sample where the sensor has a clock, `sequence` where it counts samples, and
    `error` where the bytes break the sensor's protocol.

    Examples: [bold]legmon decode polar --set factor=0.000244 02650000000000000081f1ff1400f003[/bold] · several
    notifications, in order: [bold]legmon decode witmotion 5561… 5561…[/bold]
    """
    from legmon.sensors.decode import decode as decode_notifications

    decoder = _decoder(sensor, _settings(settings or []))
    for decoded in decode_notifications(decoder, [_bytes(text) for text in hexes]):
        print_json(decoded)


def _decoder(sensor: str, settings: dict[str, str]) -> "Decoder":
    from legmon.sensors.decode import Decodes, SettingError
    from legmon.sensors.registry import registry

    known = registry()
    driver: Any = known.drivers.get(sensor)
    try:
        if isinstance(driver, Decodes):
            return driver.decoder(settings)
    except SettingError as e:
        raise SensorError(f"--set: {e}") from e
    if sensor in known.broken:
        raise SensorError(f"{sensor}: {known.broken[sensor]}")
    if driver is not None:
        raise SensorError(f"the driver of {sensor} cannot read captured notifications")
    raise SensorError(
        f'there is no sensor "{plain(shortened(sensor))}"; `legmon sensors` lists them: {", ".join(known.drivers)}'
    )


def _settings(given: list[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise SensorError(f"--set {shown(text)}: write it as key=value")
        settings[name.strip()] = value.strip()
    return settings


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x").replace(":", " ").replace("-", " "))
    except ValueError as e:
        raise SensorError(
            f'"{plain(shortened(text))}" is not a row of bytes in hexadecimal; write two digits for each byte'
        ) from e
