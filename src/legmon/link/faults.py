"""Why samples are missing or a link is down, and what a link says meanwhile: closed lists, one code, one sentence each."""

from enum import StrEnum

from legmon.messages import Said


class Cause(StrEnum):
    """Codes, as they stand in recordings and the catalog."""

    LINK_LOST = "link_lost"
    LINK_SILENT = "link_silent"
    RADIO_GONE = "radio_gone"
    COMPUTER_SLEPT = "computer_slept"
    NOT_SENT = "not_sent"
    FRAME_REFUSED = "frame_refused"
    SENSOR_STOPPED = "sensor_stopped"
    SENSOR_RESTARTED = "sensor_restarted"
    BUFFER_OVERRUN = "buffer_overrun"
    RECORDER_DOWN = "recorder_down"
    DISK_FULL = "disk_full"
    DISK_FAILED = "disk_failed"
    OTHER_SENSOR = "other_sensor"
    DAMAGED = "recording_damaged"
    FILE_GAP = "file_gap"


SENTENCES: dict[Cause, str] = {
    Cause.LINK_LOST: "The Bluetooth link to the sensor dropped; keep the computer nearer, at the foot end of the bed.",
    Cause.LINK_SILENT: "The sensor stayed connected but sent nothing, so the link was set up again; keep the computer nearer.",
    Cause.RADIO_GONE: "This computer's Bluetooth was gone; leave it switched on, and its adapter where nothing pulls at it.",
    Cause.COMPUTER_SLEPT: "The computer slept; switch its standby off for the night, and leave it plugged in and its lid open.",
    Cause.NOT_SENT: "The sensor measured these samples but could not send them in time; keep the computer nearer to the bed.",
    Cause.FRAME_REFUSED: "What arrived broke the sensor's protocol and was left out; update the sensor if this comes back.",
    Cause.SENSOR_STOPPED: "The sensor stopped measuring by itself and was started again; see its page for what makes it stop.",
    Cause.SENSOR_RESTARTED: "The sensor started anew; check that its battery holds and sits tight.",
    Cause.BUFFER_OVERRUN: "The link was down for longer than the sensor can remember; keep the computer nearer to the bed.",
    Cause.RECORDER_DOWN: "legmon's recorder was not running; leave legmon running, and the computer on, until the morning.",
    Cause.DISK_FULL: "The disk was full; make room, and recording goes on by itself.",
    Cause.DISK_FAILED: "The disk took nothing, and not for want of room; check it, or record on another one.",
    Cause.OTHER_SENSOR: "The sensor measured in another way than this night began with; stop the night and start a new one.",
    Cause.DAMAGED: "The recording is damaged here; check the disk, and copy the data folder while it can be read.",
    Cause.FILE_GAP: "The file holds no samples here; look whether what wrote it has them.",
}

OF_THE_LINK = {
    Cause.LINK_LOST,
    Cause.LINK_SILENT,
    Cause.RADIO_GONE,
    Cause.COMPUTER_SLEPT,
    Cause.NOT_SENT,
    Cause.FRAME_REFUSED,
}
"""Where the sensor has started anew meanwhile, that is the cause."""

OF_FRAMES = {Cause.FRAME_REFUSED, Cause.DISK_FULL, Cause.DISK_FAILED}
"""Frames came while the link was up, and were not kept."""


class LinkSays(StrEnum):
    """Codes of what is said of a link."""

    SEARCHING = "searching"
    CONNECTING = "connecting"
    STREAMING = "streaming"
    SILENT = "silent"
    LET_GO = "let_go"
    MAYBE_OFF = "maybe_off"
    PAIRING = "pairing"
    NOT_PAIRED = "not_paired"
    SENSOR_STOPPED = "sensor_stopped"
    SENSOR_REFUSED = "sensor_refused"
    BLUETOOTH_GONE = "bluetooth_gone"
    NOT_UNDERSTOOD = "not_understood"
    NO_ANSWER = "no_answer"
    NO_CONNECTION = "no_connection"


LINK_SENTENCES: dict[LinkSays, str] = {
    LinkSays.SEARCHING: "Looking for the sensor. Is it on, charged and near?",
    LinkSays.CONNECTING: "Connecting to {name}.",
    LinkSays.STREAMING: "Streaming.",
    LinkSays.SILENT: "Connected, but nothing arrives. Connecting again.",
    LinkSays.LET_GO: "The sensor was still connected from before. It was let go and is looked for.",
    LinkSays.MAYBE_OFF: "Looking for the sensor. It may have switched itself off, as this kind does when it lies still:"
    " switch it on, wear it, and see its page.",
    LinkSays.PAIRING: "The sensor wants to be paired with this computer. That is done now.",
    LinkSays.NOT_PAIRED: "The sensor wants to be paired with this computer, which did not work: take it out of"
    " the system's Bluetooth settings and pair it again there. Trying again.",
    LinkSays.SENSOR_STOPPED: "{why} Starting it again.",
    LinkSays.SENSOR_REFUSED: "{why} Trying again.",
    LinkSays.BLUETOOTH_GONE: "This computer's Bluetooth has gone; switch it on, or plug the adapter in again. Trying again.",
    LinkSays.NOT_UNDERSTOOD: "The sensor answers in a way that legmon does not understand. Switch it off and on, or update it."
    " Trying again.",
    LinkSays.NO_ANSWER: "The sensor did not answer in time. Trying again.",
    LinkSays.NO_CONNECTION: "The connection did not come about. Trying again.",
}


def link_says(code: LinkSays, **parts: str) -> Said:
    """Say something of a link; a sensor's own words stay in the English sentence."""
    return Said(code.value, LINK_SENTENCES[code].format(**parts))


def own_words(refusal: str) -> str:
    """Take out of what is said of a refusal the sensor's own words."""
    return refusal.removesuffix(LINK_SENTENCES[LinkSays.SENSOR_REFUSED].removeprefix("{why}"))


def sentence(cause: str) -> str:
    """Say a cause in plain words; an unknown code (from a later version) says itself."""
    return SENTENCES[Cause(cause)] if cause in set(Cause) else f"No samples ({cause})."
