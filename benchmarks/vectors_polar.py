"""Check one Polar vector. An AssertionError contains the reason if it fails."""

from typing import Any

from legmon.sensors.base import Advertisement, FrameError
from legmon.sensors.polar import DRIVER, control, frames

_TYPES = [
    "ECG",
    "PPG",
    "ACC",
    "PPI",
    "",
    "GYRO",
    "MAG",
    "SKIN_TEMP",
    "",
    "SDK_MODE",
    "LOCATION",
    "PRESSURE",
    "TEMPERATURE",
]
_TYPES += ["OFFLINE_RECORDING"]
_OPS = {
    "GET_MEASUREMENT_SETTINGS": 1,
    "REQUEST_MEASUREMENT_START": 2,
    "STOP_MEASUREMENT": 3,
    "GET_SDK_MODE_MEASUREMENT_SETTINGS": 4,
    "GET_MEASUREMENT_STATUS": 5,
}


def polar(entry: dict[str, Any]) -> None:
    """Check one vector of polar_pmd.json."""
    data, expected = bytes.fromhex(entry["frame_hex"]), entry["expected"]
    {
        "data_frame": _data,
        "data_frame_prefix": _prefix,
        "delta_payload": _deltas,
        "timestamps": _timestamps,
        "epoch": _epoch,
        "advertisement": _advertisement,
        "control_point": _control,
    }[entry["kind"]](data, expected, entry["settings"])


def _data(data: bytes, expected: dict[str, Any], settings: dict[str, Any]) -> None:
    if "parseError" in expected:
        _refused(lambda: frames.decode_frame(data))
        return
    try:
        frame = frames.decode_frame(data)
    except FrameError as e:
        raise AssertionError(
            f"refused whole, as Polar's Android SDK does: a frame's time is that of its last sample, which is cut off here ({e})"
        ) from e
    mg = frame.sdk_mg(settings.get("factor", 1.0)).tolist()
    assert frame.time_ns == expected.get("timestamp_ns", expected.get("timeStamp")), "another time"
    samples = expected.get("samples_mg") or [[s["x"], s["y"], s["z"]] for s in expected.get("samples", [])]
    samples = samples or expected.get("derived_full_raw") or expected["first_samples_mg"]
    assert mg[: len(samples)] == samples, "other samples"
    assert "n_samples" not in expected or len(mg) == expected["n_samples"], "another number of samples"
    previous = settings.get("previous_timestamp_ns", settings.get("previousTimeStamp")) or None
    rate = settings.get("sample_rate_hz", settings.get("sampleRate", 0))
    times = expected.get("sample_timestamps_ns") or [s["timeStamp"] for s in expected.get("samples", [])]
    if times:
        own = frames.sample_times(frame.time_ns, len(mg), previous_ns=previous, rate_hz=rate)
        if own != times and own[-1] == frame.time_ns != times[-1]:
            raise AssertionError(
                "samples agree; this puts the last sample 1 ns after the frame's own time, against the SDK's own test"
            )
        assert own == times, f"other times: {own}"


def _prefix(data: bytes, expected: dict[str, Any], _settings: dict[str, Any]) -> None:
    # The log was cut off inside a block: set the number of complete samples in it, and read the shortened frame.
    raw = expected["derived_raw_available"]
    width = data[16]
    whole = min(len(raw) - 1, data[17])
    content = data[10:17] + bytes([whole]) + data[18 : 18 + (3 * width * whole + 7) // 8]
    assert [width, data[17]] == expected["blocks_header" if "blocks_header" in expected else "blocks"][0], (
        "another block"
    )
    assert frames.decode_deltas(content).tolist() == raw, "other samples"
    _refused(lambda: frames.decode_frame(data[: 18 + (3 * width * data[17]) // 8 - 1]))


def _deltas(data: bytes, expected: dict[str, Any], _settings: dict[str, Any]) -> None:
    assert frames.decode_deltas(data).tolist() == expected["raw"], "other samples"


def _timestamps(_data: bytes, expected: dict[str, Any], _settings: dict[str, Any]) -> None:
    for case in expected["cases"]:

        def own(case: dict[str, Any] = case) -> list[int]:
            return frames.sample_times(
                case["frame"], case["n"], previous_ns=case["previous"] or None, rate_hz=case["rate"]
            )

        if "error" in case:
            _refused(own)
        else:
            assert own() == case["expected"], f"other times: {own()}"


def _epoch(_data: bytes, expected: dict[str, Any], _settings: dict[str, Any]) -> None:
    assert expected["unix_offset_ns"] == frames.UNIX_2000_NS, "another epoch"


def _advertisement(_data: bytes, expected: dict[str, Any], settings: dict[str, Any]) -> None:
    if "services16Hex" in settings:
        raise AssertionError(
            "not used: heart rate (180D) and file transfer (FEEE) are no signs of an accelerometer"
        )
    if "localName" not in settings:
        raise AssertionError(
            "not used: heart beats in advertisements tell nothing of a leg, and the company makes other things too"
        )
    if "deviceNamePrefix" in settings:
        raise AssertionError(
            "not used: another prefix is a setting of apps on Polar's SDK; the sensors' own names begin with Polar"
        )
    recognised = DRIVER.recognises(Advertisement(settings["localName"], frozenset(), {}))
    assert recognised == (expected["deviceType"].lower() in {"sense", "h10", "oh1"}), (
        "recognised as something else"
    )


def _control(data: bytes, expected: dict[str, Any], settings: dict[str, Any]) -> None:
    if "commonDecision" in expected:
        _undecided(data)
    elif "responseByte" in settings:
        (running,) = control.decode_status(bytes([settings["responseByte"]]))
        assert running.measurement == expected["measurementBits"], "another measurement"
        assert running.online + 2 * running.offline == expected["activeBits"], "another state"
    elif "selected" in settings:
        chosen = {control.Setting[name]: value for name, value in settings["selected"].items()}
        assert control.encode_settings(chosen).hex() == expected["serializedHex"], "other bytes"
        assert _named(control.decode_settings(control.encode_settings(chosen))) == _listed(expected), (
            "other settings"
        )
    elif "read" in expected:
        assert control.decode_features(data).acc == expected["acc"], "other features"
    elif "event" in expected:
        assert control.decode_stopped(data) == tuple(_TYPES.index(t) for t in expected["types"]), (
            "others stopped"
        )
    elif "op" in expected and data[0] != 0xF0:
        kind = _TYPES.index(expected["type"]) if "type" in expected else control.ACC
        chosen = {control.Setting[n]: v[0] for n, v in expected.get("settings", {}).items()}
        assert control.request(control.Op(_OPS[expected["op"]]), kind, chosen) == data, "other bytes"
    elif data[0] != 0xF0:
        assert _named(control.decode_settings(data), *_listed(expected)) == _listed(expected), (
            "other settings"
        )
    else:
        _response(data, expected)


def _response(data: bytes, expected: dict[str, Any]) -> None:
    response = control.decode_response(data)
    assert response.status == expected.get("statusValue", expected.get("status")), "another status"
    assert response.more == expected.get("more", False), "another `more`"
    if "opCodeValue" in expected:
        assert (response.op, response.measurement) == (
            expected["opCodeValue"],
            expected["measurementType"],
        ), "another"
        assert response.parameters.hex() == expected["parametersHex"], "other parameters"
    if "settings" in expected:
        assert _named(control.decode_settings(response.parameters)) == _listed(expected), "other settings"


def _undecided(data: bytes) -> None:
    """Check a vector on which the SDKs differ. Short answers are refused, unknown settings are ignored."""
    if not data or data[0] == 0xF0:
        _refused(lambda: control.decode_response(data))
    elif data[0] == 6:
        assert control.decode_settings(data) == {6: (int.from_bytes(bytes(range(16)), "little"),)}, (
            "another value"
        )
    elif data[0] == 0xFF:
        assert control.decode_settings(data) == {}, "a setting made of an unknown type"
    else:
        _refused(lambda: control.decode_settings(data))


def _named(settings: dict[int, tuple[int, ...]], *only: str) -> dict[str, list[int]]:
    named = {control.Setting(kind).name: list(values) for kind, values in settings.items()}
    return {name: named[name] for name in only} if only else named


def _listed(expected: dict[str, Any]) -> dict[str, list[int]]:
    return {name: list(values) for name, values in expected["settings"].items()}


def _refused(read: Any) -> None:
    try:
        read()
    except FrameError:
        return
    raise AssertionError("read, and should have been refused")
