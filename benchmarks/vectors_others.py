"""Check one vector of a family other than Polar. An AssertionError contains the reason if it fails."""

from datetime import UTC, datetime
from typing import Any

from legmon.sensors import metamotion as mm
from legmon.sensors import movesense as ms
from legmon.sensors import open_services
from legmon.sensors.values import floats
from legmon.sensors.witmotion import driver as wm
from legmon.sensors.witmotion import stream as witmotion_stream


def _close(own: Any, expected: Any, tolerance: float) -> bool:
    return len(own) == len(expected) and all(
        abs(a - b) <= tolerance for x, y in zip(own, expected, strict=True) for a, b in zip(x, y, strict=True)
    )


def movesense(entry: dict[str, Any]) -> None:
    """Check one vector of movesense_gsp.json."""
    data, expected = bytes.fromhex(entry["frame_hex"]), entry["expected"]
    if entry["kind"] == "command":
        code = {
            "HELLO": ms.HELLO,
            "SUBSCRIBE": ms.SUBSCRIBE,
            "UNSUBSCRIBE": ms.UNSUBSCRIBE,
            "GET": ms.GET,
        }.get(expected["cmd"])
        if code is None:
            raise AssertionError("not used: the sensor's own logbook; samples are taken as they are measured")
        own = ms.command(code, expected["ref"], expected.get("path", ""))
        if own != data and own == data + b"\0":
            raise AssertionError(
                "never sent so: a path without its zero, as others write it; the vendor's own tool ends it with one"
            )
        assert own == data, "other bytes"
        return
    path = entry["settings"]["resource"]
    kind = path.split("/")[2]
    payload = data[2:] if entry["kind"] == "gsp_notification" else data
    time_ms, content = ms.decode_payload(payload, 2 if kind == "IMU6" else 1)
    assert time_ms == expected.get("Timestamp", expected.get("timestamp_ms")), "another time"
    # Gyroscope and magnetometer have the same layout; only the subscription distinguishes them.
    wanted = expected.get("samples_ms2") or [
        [s["x"], s["y"], s["z"]] for s in expected[f"Array{'Acc' if kind == 'IMU6' else kind}"]
    ]
    assert _close(floats(content).tolist(), wanted, 1e-6), "other values"
    if kind in {"Acc", "IMU6"}:
        decoded = ms.DRIVER.decoder({"path": path}).read(data, None)
        assert _close((decoded.samples_g * 9.80665).tolist(), wanted, 1e-5), "other values in g"


def witmotion(entry: dict[str, Any]) -> None:
    """Check one vector of witmotion.json."""
    data, expected, kind = bytes.fromhex(entry["frame_hex"]), entry["expected"], entry["kind"]
    if kind == "command":
        commands = {
            "cmd-unlock": wm.write_register(wm.UNLOCK, 0xB588),
            "cmd-read-battery": wm.read_register(wm.BATTERY),
            "cmd-read-time": wm.read_register(0x30),
        } | {f"cmd-rate-{rate:g}Hz": wm.write_register(wm.RATE, code) for rate, code in wm.RATES.items()}
        if entry["id"] == "cmd-save":
            raise AssertionError(
                "never sent: it would keep our rate for good; the rate is set for the night alone"
            )
        if entry["id"] == "cmd-acc-calibration":
            raise AssertionError(
                "never sent: it zeroes the accelerometer, and every later sample would be wrong"
            )
        assert commands[entry["id"]] == data, "other bytes"
    elif kind == "register_reply_0x71":
        register, values = wm.decode_registers(data)
        assert (register, list(values[:3])) == (expected["register"], expected["H"]), "other values"
    else:
        # A logger cut four frames off after 16 bytes, within the angles; the accelerations before them are complete.
        measured = witmotion_stream.decode_measured(data.ljust(20, b"\0"))
        assert measured.values[:3].tolist() == expected["raw_acc"], "other values"
        decoded = wm.DRIVER.decoder({}).read(data.ljust(20, b"\0"), None)
        assert _close(decoded.samples_g.tolist(), [expected["acc_g"]], 1e-6), "other values in g"
        if "device_time" in expected:
            moment = datetime.fromisoformat(expected["device_time"]).replace(tzinfo=UTC)
            assert decoded.time_ns is not None, "no time"
            assert decoded.time_ns[0] // 1_000_000 == round(moment.timestamp() * 1000), "another time"


def metamotion(entry: dict[str, Any]) -> None:
    """Check one vector of metawear.json."""
    data, expected, settings = bytes.fromhex(entry["frame_hex"]), entry["expected"], entry["settings"]
    if entry["kind"] == "data_frame":
        decoded = mm.DRIVER.decoder({"range_g": str(settings["range_g"])}).read(data, None)
        assert _close(decoded.samples_g.tolist(), expected["samples_g"], 0.00051), "other values"
        return
    if entry["kind"] == "battery":
        assert mm.decode_battery(data) == (expected["charge_percent"], expected["voltage_mV"]), (
            "another charge"
        )
        return
    if "odr_hz" in settings:
        chip = mm.CHIPS[1 if entry["id"].startswith("bmi160") else 4]
        assert chip.config(float(settings["odr_hz"]), settings["range_g"]) == data, "other bytes"
        return
    commands = {
        "enable-sampling": mm.ENABLE,
        "disable-sampling": mm.DISABLE,
        "subscribe": mm.notify(0x04),
        "unsubscribe": mm.notify(0x04, on=False),
        "subscribe-packed-bmi160": mm.notify(mm.CHIPS[1].packed),
        "subscribe-packed-bmi270": mm.notify(mm.CHIPS[4].packed),
        "battery-read-cmd": mm.READ_BATTERY,
    }
    if entry["id"] not in commands:
        raise AssertionError(
            "not used: the log on the board, and connection parameters, which the computer decides"
        )
    assert commands[entry["id"]] == data, "other bytes"


def simple(entry: dict[str, Any]) -> None:
    """Check one vector of simple_gatt.json."""
    data, expected = bytes.fromhex(entry["frame_hex"]), entry["expected"]
    layout = {
        "microbit": open_services.MICROBIT,
        "adafruit": open_services.ADAFRUIT,
        "thingy52": open_services.THINGY52,
        "infinitime": open_services.INFINITIME,
    }[entry["id"].split("-")[0]]
    if "period_ms" in expected:
        assert layout.set_period(expected["period_ms"]) == data, "other bytes"
    elif "motion_hz" in expected:
        assert open_services.thingy_config(expected["motion_hz"]) == data, "other bytes"
    else:
        (own,) = layout.decode(data).tolist()
        unit = {"acc_mg": 1000.0, "acc_ms2": 9.80665, "acc_g": 1.0}
        name = next(n for n in unit if n in expected)
        assert _close([[v * unit[name] for v in own]], [expected[name]], 1e-9), "other values"
