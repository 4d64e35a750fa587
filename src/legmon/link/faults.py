"""Why samples are missing or a link is down: a closed list, one code, one sentence of cause and advice each."""

from enum import StrEnum


class Cause(StrEnum):
    """Codes, as they stand in recordings and the catalog."""

    LINK_LOST = "link_lost"
    LINK_SILENT = "link_silent"
    NOT_SENT = "not_sent"
    FRAME_REFUSED = "frame_refused"
    SENSOR_STOPPED = "sensor_stopped"
    SENSOR_RESTARTED = "sensor_restarted"
    BUFFER_OVERRUN = "buffer_overrun"
    RECORDER_DOWN = "recorder_down"
    DISK_FULL = "disk_full"
    OTHER_SENSOR = "other_sensor"
    DAMAGED = "recording_damaged"
    FILE_GAP = "file_gap"


SENTENCES: dict[Cause, str] = {
    Cause.LINK_LOST: "The Bluetooth link to the sensor dropped; keep the computer nearer, at the foot end of the bed.",
    Cause.LINK_SILENT: "The sensor stayed connected but sent nothing, so the link was set up again.",
    Cause.NOT_SENT: "The sensor measured these samples but could not send them in time.",
    Cause.FRAME_REFUSED: "What arrived did not keep to the sensor's protocol and was left out.",
    Cause.SENSOR_STOPPED: "The sensor stopped measuring by itself and was started again; see its page for what makes it stop.",
    Cause.SENSOR_RESTARTED: "The sensor started anew; check that its battery holds and sits tight.",
    Cause.BUFFER_OVERRUN: "The link was down for longer than the sensor can remember; keep the computer nearer to the bed.",
    Cause.RECORDER_DOWN: "legmon's recorder was not running; it went on as soon as it was started again.",
    Cause.DISK_FULL: "The disk was full; make room, and recording goes on by itself.",
    Cause.OTHER_SENSOR: "The sensor measured in another way than this night began with; stop the night and start a new one.",
    Cause.DAMAGED: "The recording is damaged here; check the disk, and copy the data folder while it can be read.",
    Cause.FILE_GAP: "The file holds no samples here.",
}


def sentence(cause: str) -> str:
    """Say a cause in plain words; an unknown code (from a later version) says itself."""
    return SENTENCES[Cause(cause)] if cause in set(Cause) else f"No samples ({cause})."
