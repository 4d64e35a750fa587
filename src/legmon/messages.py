"""Every code that legmon reports and the sentence a person reads for it, in one place.

A code is stable: it stands in recordings, in the catalog, and in JSON, and the pages translate by it. The English sentence
stands beside it here. A sentence names the cause, then what to do. Sentences for the answers of a vendor's protocol stand
beside its driver (`legmon.sensors`), because their codes are the vendor's.

The pages show these sentences in English. They translate the codes into other languages; ``dashboard/src/messages`` has the
texts. A placeholder that is a number keeps its name there. A placeholder that is a word (``{why}``, ``{name}``) is left out
there, because the words are English.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from legmon.quoting import LONGEST_SENTENCE, plain, shortened


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for a person, with the code that the pages translate it by.

    Parameters
    ----------
    code : str
        One of the codes below; empty for a sentence without a code, which stays in English.
    sentence : str
        The whole sentence in English.
    values : mapping of str to float
        The numbers in it, by the names that translations use.
    """

    code: str
    sentence: str
    values: Mapping[str, float] = field(default_factory=dict)


# why samples are missing


class GapCause(StrEnum):
    """Why samples are missing. Recordings and the catalog store these codes."""

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


GAP_SENTENCES: Final[dict[GapCause, str]] = {
    GapCause.LINK_LOST: "The Bluetooth link to the sensor dropped. Put the computer nearer, at the foot of the bed.",
    GapCause.LINK_SILENT: "The sensor stayed connected but sent nothing, so legmon connected again. Put the computer nearer to the bed.",
    GapCause.RADIO_GONE: "This computer's Bluetooth was off or unplugged. Leave it on. Plug an adapter in where nothing can pull it out.",
    GapCause.COMPUTER_SLEPT: "The computer slept. Turn off sleep mode for the night, plug it in, and leave the lid open.",
    GapCause.NOT_SENT: "The sensor measured these samples but could not send them in time. Put the computer nearer to the bed.",
    GapCause.FRAME_REFUSED: "The sensor sent data that legmon could not read, so it was left out. Update the sensor if this happens again.",
    GapCause.SENSOR_STOPPED: "The sensor stopped measuring by itself; legmon restarted it. Its page in the documentation says why.",
    GapCause.SENSOR_RESTARTED: "The sensor restarted. Check that its battery is charged and fits tightly.",
    GapCause.BUFFER_OVERRUN: "The link was down for longer than the sensor's memory can hold. Put the computer nearer to the bed.",
    GapCause.RECORDER_DOWN: "legmon's recorder was not running. Leave legmon running, and the computer on, until the morning.",
    GapCause.DISK_FULL: "The disk was full. Free some space; recording goes on by itself.",
    GapCause.DISK_FAILED: "Writing to the disk failed although it was not full. Check the disk, or use another one.",
    GapCause.OTHER_SENSOR: "The sensor's sample rate or range differed from the one this night started with. Start a new night.",
    GapCause.DAMAGED: "The recording is damaged here. Check the disk, and copy the data folder while it can be read.",
    GapCause.FILE_GAP: "The file has no samples here. Check whether the program that wrote the file has these samples.",
}


class SegmentFault(StrEnum):
    """What another program did to the file of a night while it was recorded."""

    REMOVED = "removed"
    REPLACED = "replaced"
    CUT = "cut"
    CHANGED = "changed"


LINK_CAUSES: Final = {
    GapCause.LINK_LOST,
    GapCause.LINK_SILENT,
    GapCause.RADIO_GONE,
    GapCause.COMPUTER_SLEPT,
    GapCause.NOT_SENT,
    GapCause.FRAME_REFUSED,
}
"""If the sensor restarted meanwhile, the restart replaces these causes."""

FRAME_CAUSES: Final = {GapCause.FRAME_REFUSED, GapCause.DISK_FULL, GapCause.DISK_FAILED}
"""Causes where frames arrived while the link was up, and were not kept."""


# what is wrong with a signal


class Fault(StrEnum):
    """What can be wrong with a sensor's signal. Answers and the catalog store these codes."""

    STUCK = "stuck"
    DEAD_AXIS = "dead_axis"
    CLIPPED = "clipped"
    SPIKE = "spike"
    SCALE = "scale"
    NOISY = "noisy"
    COARSE = "coarse"
    TOO_COARSE = "too_coarse"


FAULT_SENTENCES: Final[dict[Fault, str]] = {
    Fault.STUCK: "The sensor repeated one value; a worn sensor never does that. Restart it. Replace it if this happens again.",
    Fault.DEAD_AXIS: "One axis of the sensor did not move while the others did. The chip is failing, so replace the sensor.",
    Fault.CLIPPED: "The signal reached the end of the sensor's range. Set a larger range, and check that the strap is tight.",
    Fault.SPIKE: "Single samples jumped faster than a leg can and were left out. Charge the battery; look for a loose contact.",
    Fault.SCALE: "At rest, gravity reads more than 3 % from 1 g, so amplitudes are wrong by the same share. Calibrate the sensor.",
    Fault.NOISY: "At rest, the signal is too noisy to show small movements. Keep the sensor away from things that vibrate.",
    Fault.COARSE: "The sensor measures in steps of more than 8 mg, so some small movements are missed. Set a smaller range if you can.",
    Fault.TOO_COARSE: "The sensor measures in steps of more than 20 mg, which hide small movements. Use another sensor or a smaller range.",
}

FAULT_CAUSES: Final = {f"sensor_{code}": code for code in (Fault.STUCK, Fault.DEAD_AXIS, Fault.CLIPPED)}
"""Causes of gaps that a failing sensor made: its samples came, but say nothing of the leg."""


class DamageCode(StrEnum):
    """How a recording differs from what was sealed. The catalog and answers store these codes."""

    DAMAGED = "damaged"
    ALTERED = "altered"
    CUT = "cut"
    SWAPPED = "swapped"
    EMPTIED = "emptied"
    MISSING = "missing"
    NOT_A_FILE = "not_a_file"
    NOT_VERIFIED = "not_verified"


_BACKUP: Final = " Put the file back from a backup, if you have one, and check the disk."
DAMAGE_SENTENCES: Final[dict[DamageCode, str]] = {
    DamageCode.DAMAGED: "Part of the recording is damaged on the disk.{which}" + _BACKUP,
    DamageCode.ALTERED: "The recording was changed after it was sealed, so it may not be what the sensor measured.{which}"
    + _BACKUP,
    DamageCode.CUT: "The recording on the disk is shorter than it was.{which}" + _BACKUP,
    DamageCode.SWAPPED: "The file holds the recording of another night or leg.{which}" + _BACKUP,
    DamageCode.EMPTIED: "The file of the recording is empty.{which}" + _BACKUP,
    DamageCode.MISSING: "The file of the recording is gone.{which}" + _BACKUP,
    DamageCode.NOT_A_FILE: "In the place of the recording there is something else than a file.{which}"
    + _BACKUP,
    DamageCode.NOT_VERIFIED: "The file of the recording has changed on the disk, and is not verified since{since}. legmon verifies it"
    " when its signal is looked at, or when no night is recorded.",
}
"""The sentence for a leg whose recording is not what was sealed. ``{which}`` stands for the minutes that can still be read."""


def damage_sentence(
    code: DamageCode, readable: Sequence[tuple[float, float]], minutes: float, since: str
) -> str:
    """Return the sentence for a leg whose recording is not what was sealed.

    Parameters
    ----------
    code : DamageCode
        What happened to it.
    readable : sequence of (float, float)
        The stretches that can still be read, minutes from the start of the recording.
    minutes : float
        How long the recording is.
    since : str
        When it was verified last.
    """
    digits = 0 if minutes >= SHORT_MIN else 1
    stretches = [f"{a:.{digits}f} to {b:.{digits}f}" for a, b in readable[:NAMED_STRETCHES]]
    more = " and more" if len(readable) > NAMED_STRETCHES else ""
    which = f" Of {minutes:.{digits}f} minutes, these can still be read: {', '.join(stretches)}{more}."
    nothing = " Nothing of it can be read." if minutes else ""
    return DAMAGE_SENTENCES[code].format(
        which=which if stretches else nothing, since=f" {since}" if since else ""
    )


NAMED_STRETCHES: Final = 4
SHORT_MIN: Final = 10.0
"""Of a shorter recording, tenths of a minute are named."""


def gap_sentence(cause: str) -> str:
    """Return the sentence for the cause of a gap; an unknown code, from a later version, stands in it as it is."""
    if cause in FAULT_CAUSES:
        return FAULT_SENTENCES[FAULT_CAUSES[cause]]
    return GAP_SENTENCES[GapCause(cause)] if cause in set(GapCause) else f"No samples ({cause})."


# what a person should know of a file


class SourceNote(StrEnum):
    """What a person should know of a file: how it was read, what was settled, what was left out. Answers carry these codes."""

    NOT_UNDERSTOOD = "annotations_not_understood"
    NOT_USED = "annotations_not_used"
    WITHOUT_LEG = "movements_without_leg"
    WITHOUT_LENGTH = "movements_without_length"
    OUTSIDE = "annotations_outside"
    SERIES = "series_not_movements"
    NO_MOVEMENTS = "no_leg_movements"
    LENGTH_GUESSED = "length_guessed"
    CLOCK_ORIGIN = "clock_times_from_earliest"
    STAGES_DISAGREE = "stages_disagree"
    ENCODING = "text_encoding"
    ROWS_LEFT_OUT = "rows_left_out"
    DENOMINATOR = "sleep_from_file"
    READ_AS = "read_as"
    UNIT_SETTLED = "unit_settled"
    TIME_UNIT_SETTLED = "time_unit_settled"
    STAMPS_SHARED = "stamps_shared"
    OUT_OF_ORDER = "rows_out_of_order"
    CLOCK_SET = "clock_set"
    HOUR_TWICE = "hour_twice"
    STALLS = "stamps_late"
    HOUR_SKIPPED = "hour_skipped"
    REPEATED = "rows_repeated"
    DROP_OUTS = "drop_outs"
    FILLED = "samples_filled"
    RATE_DIFFERS = "rate_differs"
    LEG_FROM_FILE = "leg_from_file"


SOURCE_SENTENCES: Final[dict[SourceNote, str]] = {
    SourceNote.NOT_UNDERSTOOD: "Annotations that legmon did not understand and did not use: {count} ({words}). legmon uses leg movements,"
    " respiratory events and sleep stages.",
    SourceNote.NOT_USED: "Annotations that the rules do not need, such as arousals and lights, and that were not used: {count}.",
    SourceNote.WITHOUT_LEG: "Movements that do not name one leg: {count}. They were scored as movements of the left leg.",
    SourceNote.WITHOUT_LENGTH: "Leg movements without a length, which were not scored: {count}. The rules need their ends; export them with durations.",
    SourceNote.OUTSIDE: "Annotations that begin before the recording or end after it, and were left out: {count}.",
    SourceNote.SERIES: "Long annotations drawn over several movements: {count}. They were taken for series, not for movements.",
    SourceNote.NO_MOVEMENTS: "The file holds no leg movement that could be scored. Check that it is the file with the scored events.",
    SourceNote.LENGTH_GUESSED: "The file does not say how long the recording was. It was taken to end with its last annotation, after {seconds:,.0f} s.",
    SourceNote.CLOCK_ORIGIN: "The file does not say when the recording began. Clock times count from the earliest one, {clock}.",
    SourceNote.STAGES_DISAGREE: "Sleep stages overlap and disagree for {seconds:,.0f} s, as when two scorers differ. That time counts neither as sleep"
    " nor as wake; export the stages of one scorer.",
    SourceNote.ENCODING: "Some texts are not UTF-8, which the format asks for. They were read as Western European.",
    SourceNote.ROWS_LEFT_OUT: "Rows that cannot be read and were left out: {count}; the first is line {line}.",
    SourceNote.DENOMINATOR: "The hours of sleep come from the file {name}; legmon measures no sleep.",
    SourceNote.READ_AS: "Read as {name}: {rate:.4g} Hz, in {unit}.",
    SourceNote.UNIT_SETTLED: "The file does not say its unit, or says another one: at rest it measures {value:.4g}, so it was read in {unit}. If that is wrong,"
    " name the unit with --unit.",
    SourceNote.TIME_UNIT_SETTLED: "Times were read as {unit}, because otherwise the sample rate would be impossible. If that is wrong, name the columns with"
    " --columns and convert the times.",
    SourceNote.STAMPS_SHARED: "One time stamp stands for {count:.3g} samples on average. The samples were spread evenly, at {rate:.4g} Hz.",
    SourceNote.OUT_OF_ORDER: "Rows that were out of order and were sorted by their times: {count}.",
    SourceNote.CLOCK_SET: "The clock of the file was set from {before} to {after} at row {row:,.0f}. The step was taken out, as if no time had passed. If"
    " time did pass, cut the file there into two.",
    SourceNote.HOUR_TWICE: "The clock of the file goes back by an hour at row {row:,.0f}, so this hour comes twice, as at the end of summer time. The step was taken"
    " out. If that is wrong, write times in UTC or as seconds since the start.",
    SourceNote.STALLS: "Stamps that were late by themselves: {count}. The rows after them made up for it, so they are no gaps.",
    SourceNote.HOUR_SKIPPED: "The times of the file skip one hour, as at the beginning of summer time. It counts as a gap. If the sensor went on, write times in"
    " UTC or as seconds since the start.",
    SourceNote.REPEATED: "Rows that stand in the file twice, with the same time and values, and were used once: {count}.",
    SourceNote.DROP_OUTS: "For {seconds:.4g} s the file has rows without a value, or with zeros on all axes or numbers that no sensor measures. They count as gaps.",
    SourceNote.FILLED: "Single samples without a value that a sensor measures, which were filled in from their neighbours: {count}.",
    SourceNote.RATE_DIFFERS: "{declared:.4g} Hz are declared, but the time stamps give {rate:.4g} Hz, which was used.",
    SourceNote.LEG_FROM_FILE: "The file holds signals of the {leg} leg by its labels, but was given as the other one.",
}


def source_note(code: SourceNote, **values: float | str) -> Message:
    """Return a note on a file, with what stands in its sentence."""
    text = SOURCE_SENTENCES[code]
    numbers = {name: n for name, n in values.items() if not isinstance(n, str) and f"{{{name}" in text}
    return Message(code.value, text.format(**values), numbers)


# the state of a link


class LinkCode(StrEnum):
    """The state of a link."""

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


LINK_SENTENCES: Final[dict[LinkCode, str]] = {
    LinkCode.SEARCHING: "Looking for the sensor. Is it on, charged and near?",
    LinkCode.CONNECTING: "Connecting to {name}.",
    LinkCode.STREAMING: "Streaming.",
    LinkCode.SILENT: "Connected, but nothing arrives. Connecting again.",
    LinkCode.LET_GO: "The sensor was still connected from before. legmon disconnected it and is looking for it.",
    LinkCode.MAYBE_OFF: "Looking for the sensor. It may have switched itself off, as this kind does when it lies still."
    " Switch it on, wear it, and see its page in the documentation.",
    LinkCode.PAIRING: "The sensor asks to be paired with this computer. Pairing now.",
    LinkCode.NOT_PAIRED: "Pairing with the sensor failed. Remove it from the system's Bluetooth settings and pair it there"
    " again. Trying again.",
    LinkCode.SENSOR_STOPPED: "{why} Starting it again.",
    LinkCode.SENSOR_REFUSED: "{why} Trying again.",
    LinkCode.BLUETOOTH_GONE: "This computer's Bluetooth is gone. Switch it on, or plug the adapter in again. Trying again.",
    LinkCode.NOT_UNDERSTOOD: "legmon does not understand the sensor's answer. Switch the sensor off and on, or update it."
    " Trying again.",
    LinkCode.NO_ANSWER: "The sensor did not answer in time. Trying again.",
    LinkCode.NO_CONNECTION: "The connection failed. Trying again.",
}


def link_message(code: LinkCode, **parts: str) -> Message:
    """Return the message for the state of a link; what a sensor itself says stays in the English sentence."""
    return Message(code.value, LINK_SENTENCES[code].format(**parts))


def sensor_words(refusal: str) -> str:
    """Return what the sensor itself said, out of the sentence for `LinkCode.SENSOR_REFUSED`."""
    return refusal.removesuffix(LINK_SENTENCES[LinkCode.SENSOR_REFUSED].removeprefix("{why}"))


NIGHT_LEFT_OPEN: Final = "Night {night} is not closed: {why}."
"""The sentence for a night that could not be closed when legmon ended."""
LEFT_OPEN: Final = "Its recording is kept. Start legmon again within half an hour and the night continues; a later start closes it."
"""What follows where a night is left open at the end."""


# what keeps the recorder from its work


class Trouble(StrEnum):
    """What keeps the recorder from its work, or may do so before morning. The catalog and answers store these codes."""

    OTHER_SENSOR = "other_sensor"
    DISK_REFUSES = "disk_refuses"
    DISK_FAILS = "disk_fails"
    BATTERY_LOW = "battery_low"
    NOT_SYNCED = "not_synced"
    NOT_RESUMED = "not_resumed"
    NOT_BEGUN = "not_begun"
    CATALOG_BUSY = "catalog_busy"
    CATALOG_FULL = "catalog_full"
    CATALOG_FAILS = "catalog_fails"
    CATALOG_DAMAGED = "catalog_damaged"
    CATALOG_RENEWED = "catalog_renewed"
    CATALOG_LOCKED = "catalog_locked"
    CATALOG_NOT_WRITTEN = "catalog_not_written"
    DISK_FULL = "disk_full"
    NOT_CLOSED = "not_closed"
    NOT_CLOSED_FULL = "not_closed_full"
    SEGMENT_REMOVED = "segment_removed"
    SEGMENT_REPLACED = "segment_replaced"
    SEGMENT_CUT = "segment_cut"
    SEGMENT_CHANGED = "segment_changed"
    NIGHT_SHORTENED = "night_shortened"
    NIGHT_CHANGED = "night_changed"


_IN_A_NEW_FILE: Final = " legmon wrote all of it into a new file and records on there. Keep other programs out of the data folder, and check the disk."
TROUBLE_SENTENCES: Final[dict[Trouble, str]] = {
    Trouble.OTHER_SENSOR: "The sensor's sample rate or range differs from the one this night started with. Stop the night and"
    " start a new one.",
    Trouble.DISK_REFUSES: "The disk is full. Nothing is being recorded: {why}. Recording goes on by itself when there is room.",
    Trouble.DISK_FAILS: "Nothing is being recorded: {why}. You can also start legmon with another data folder (--data)."
    " Recording goes on by itself when the disk accepts data again.",
    Trouble.BATTERY_LOW: "Battery at {percent} %. It may not last until morning. Charge the sensor, then start again.",
    Trouble.NOT_SYNCED: "The disk failed to store what was recorded: {why}. Recording goes on, but part of this night may be"
    " lost. Use another disk for the next night.",
    Trouble.NOT_RESUMED: "legmon cannot continue the {leg} leg of night {night}: {why}. The recording is kept. Check the disk"
    " and start legmon again, or record a new night.",
    Trouble.NOT_BEGUN: "The night cannot start yet: {why}.",
    Trouble.CATALOG_BUSY: "The night cannot start yet: another program is using the catalog. legmon tries again. If this"
    " message stays, end the other programs that use the data folder.",
    Trouble.CATALOG_FULL: "The night cannot start yet: the disk has no room for the catalog. Free some space; legmon tries again by"
    " itself.",
    Trouble.CATALOG_FAILS: "The night cannot start yet: the catalog cannot be written ({why}). Check the disk and the permissions"
    " of the data folder, or start legmon with another one (--data).",
    Trouble.CATALOG_DAMAGED: "The night cannot start yet: the catalog is damaged ({why}). legmon makes a new one from the"
    " recordings.",
    Trouble.CATALOG_RENEWED: "The catalog was damaged or removed. legmon makes a new one from the recordings and keeps what was"
    " left of the old one in the data folder. Recording goes on.",
    Trouble.CATALOG_LOCKED: "Another program keeps the catalog locked, so the counts are not up to date. Recording goes on. End"
    " the other programs that use the data folder.",
    Trouble.CATALOG_NOT_WRITTEN: "The catalog cannot be written ({why}), so the counts are not up to date. Recording goes on."
    " Check the disk and the permissions of the data folder.",
    Trouble.DISK_FULL: "The disk is full, so the catalog cannot be written. Free some space on the disk; legmon tries again by"
    " itself.",
    Trouble.NOT_CLOSED: "Night {night} is not closed yet: {why}. legmon tries again.",
    Trouble.NOT_CLOSED_FULL: "The disk is full, so night {night} is not closed yet: {why}. legmon tries again by itself when there"
    " is room.",
    Trouble.SEGMENT_REMOVED: "Another program removed the file that is being recorded." + _IN_A_NEW_FILE,
    Trouble.SEGMENT_REPLACED: "Another program replaced the file that is being recorded." + _IN_A_NEW_FILE,
    Trouble.SEGMENT_CUT: "Another program cut the file that is being recorded." + _IN_A_NEW_FILE,
    Trouble.SEGMENT_CHANGED: "Another program changed the file that is being recorded, or the disk did."
    + _IN_A_NEW_FILE,
    Trouble.NIGHT_SHORTENED: "The recording of night {night}, {leg} leg, has fewer samples than were recorded. What is missing is"
    " fetched from the sensor where it still has it; the rest is shown as damaged. Check the disk, and keep other programs out of"
    " the data folder.",
    Trouble.NIGHT_CHANGED: "The file of night {night}, {leg} leg, was removed or changed while it was recorded. legmon wrote all"
    " of it into a new file, so nothing is lost. Keep other programs out of the data folder, and check the disk.",
}


def trouble(code: Trouble, **parts: object) -> Message:
    """Return the message for a trouble; numbers among the parts become its values, the same in every language."""
    figures = {name: float(value) for name, value in parts.items() if isinstance(value, (int, float))}
    return Message(code.value, TROUBLE_SENTENCES[code].format(**parts), figures)


# the fit check

FIT_SENTENCES: Final[dict[str, str]] = {
    "ok": "The strap fits.",
    "no_data": "No samples arrived during the check. See that the sensor is sending, and check again.",
    "not_still": "The sensor shook while you lay still. Check again.",
    "not_one_g": "At rest, gravity does not read 1 g. Calibrate the sensor.",
    "rate": "The sensor's rate is more than 2 % from the rate it declares. legmon records the true rate.",
    "missing": "Samples were missing during the check. Put the computer nearer to the bed.",
    "toes_unseen": "The sensor saw {toes:.0f} of 5 toe-ups. Move it lower, or tighten the strap.",
    "looser": "The strap is looser than usual ({ratio:.1f} ×). Tighten it.",
    "firmer": "The strap is firmer than usual ({ratio:.1f} ×). Loosen it if it presses.",
    "no_roll": "The sensor did not see the leg roll. Check again if you rolled it.",
    "not_standing": "The sensor shook while you stood. Check again, so that legmon can tell lying from standing.",
}
"""The sentence for each code of `legmon.night.fit.Problem`, and for a check without a problem."""


def fit_values(toes: int | None, ratio: float | None) -> dict[str, float]:
    """Return the numbers in the sentences of the fit check; 0 for one that was not measured."""
    return {"toes": float(toes or 0), "ratio": ratio or 0.0}


# what a trial shows of a sensor


class CardWarning(StrEnum):
    """What does not suit the recording of a night, on the card of `legmon qualify`."""

    NO_SAMPLES = "no_samples"
    WRONG_RATE = "wrong_rate"
    STOPPED = "stopped"
    LOST = "lost"
    MAY_STOP = "may_stop"
    NOISY = "noisy"
    WRONG_SCALE = "wrong_scale"
    LINK_FAILED = "link_failed"
    BATTERY = "battery"
    NOT_STILL = "not_still"


CARD_SENTENCES: Final[dict[CardWarning, str]] = {
    CardWarning.NO_SAMPLES: "No samples came, though it was started. {why}",
    CardWarning.WRONG_RATE: "It measures at {true_hz:.1f} Hz, not {nominal_hz:.1f}, so movements seem longer or shorter.",
    CardWarning.STOPPED: "It stopped after {minutes:.1f} minutes and did not come back. Check that it is on, charged and near."
    " If it switches itself off while it lies still, its page (docs/sensors.md) says what helps.",
    CardWarning.LOST: "{percent:.1f} % of samples were lost. Put the computer nearer, at the foot end of the bed.",
    CardWarning.MAY_STOP: "It may switch itself off after lying still for {minutes:g} minutes. This trial was too short to show"
    " it.",
    CardWarning.NOISY: "Its noise of {noise_mg:.1f} mg hides small movements.",
    CardWarning.WRONG_SCALE: "Lying still it measures {gravity_g:.2f} g instead of 1. Its range or scale may be set wrongly.",
    CardWarning.LINK_FAILED: "The link failed {times}.",
    CardWarning.BATTERY: "Its battery may not last a night.",
    CardWarning.NOT_STILL: "It hardly lay still, so noise and scale are not known. Put it on a table.",
}


def card_warning(code: CardWarning, **parts: object) -> str:
    """Return the sentence of a warning."""
    return CARD_SENTENCES[code].format(**parts).rstrip()


# whether everything is ready for the night

Level = Literal["ok", "look", "stop", "unknown"]
"""`look` is worth a look before the night; `stop` means that the night would be worthless; of `unknown`, nobody can tell here."""


class ReadinessText(NamedTuple):
    """What one code of the readiness list means: its level, what was found, and what to do (empty where nothing)."""

    level: Level
    sentence: str
    advice: str = ""


_NEARER: Final = "Put the computer nearer, at the foot end of the bed."
_ADAPTER: Final = "Plug in a Bluetooth adapter (4.2 or later), or try `legmon demo`, which needs none."
_ANEW: Final = "legmon makes a new one from the recordings at its next start."
READINESS: Final[dict[str, dict[str, ReadinessText]]] = {
    "bluetooth": {
        "ok": ReadinessText("ok", "{radio} is there and scans."),
        "absent": ReadinessText("stop", "This computer has no Bluetooth adapter.", _ADAPTER),
        "service": ReadinessText(
            "stop",
            "The Bluetooth service does not run.",
            "Start it: `sudo systemctl enable --now bluetooth`. Without an adapter, try `legmon demo`, which needs none.",
        ),
        "off": ReadinessText("stop", "Bluetooth is switched off.", "{fix}"),
        "denied": ReadinessText("stop", "legmon may not use Bluetooth.", "{fix}"),
        "classic": ReadinessText("stop", "The Bluetooth adapter has no Low Energy.", _ADAPTER),
        "hci": ReadinessText(
            "stop",
            "{radio}.",
            "Check that it is plugged in, that the path is right, and that you may open it. Else pull it out and plug it in"
            " again.",
        ),
        "unknown": ReadinessText(
            "stop", "Bluetooth does not answer: {radio}.", "Switch Bluetooth off and on again."
        ),
    },
    "sensor": {
        "off": ReadinessText("stop", "No sensor is sending.", "Press “Check the sensor”."),
        "searching": ReadinessText(
            "stop", "The sensor is not found yet.", "Switch it on and keep it within two metres."
        ),
        "connecting": ReadinessText("stop", "The sensor is found and is being connected."),
        "silent": ReadinessText(
            "stop", "The sensor is connected but sends nothing.", "Switch it off and on again."
        ),
        "streaming": ReadinessText("ok", "The sensor is sending."),
        "left_missing": ReadinessText(
            "look", "The right sensor is sending. The left sensor is not.", "{sensor_words}"
        ),
        "right_missing": ReadinessText(
            "look", "The left sensor is sending. The right sensor is not.", "{sensor_words}"
        ),
        "sensor_refused": ReadinessText("stop", "The sensor does not start:", "{sensor_words}"),
        "bluetooth_gone": ReadinessText(
            "stop", "This computer's Bluetooth is gone.", "Switch it on, or plug the adapter in again."
        ),
        "not_paired": ReadinessText(
            "stop",
            "Pairing with the sensor failed.",
            "Remove it from the system's Bluetooth settings and pair it there again.",
        ),
        "heard": ReadinessText("ok", "{name} ({address}), {kind}."),
        "none_heard": ReadinessText(
            "look",
            "No sensor was heard in {seconds:.0f} s; {others}.",
            "Check that it is on, charged, near, and not connected to another program or phone.",
        ),
    },
    "battery": {
        "nights": ReadinessText("ok", "{of}{percent:.0f} %, enough for about {nights_text}."),
        "percent": ReadinessText("ok", "{of}{percent:.0f} %."),
        "low": ReadinessText(
            "look", "{of}{percent:.0f} %, which may not last until morning.", "Charge it before the night."
        ),
        "unknown": ReadinessText("look", "{of}the charge is not known.", "Charge it if in doubt."),
    },
    "link": {
        "ok": ReadinessText("ok", "{of}the signal is strong enough ({dbm:.0f} dBm)."),
        "weak": ReadinessText("look", "{of}the signal is weak ({dbm:.0f} dBm).", _NEARER),
        "unknown": ReadinessText("unknown", "{of}the strength of the signal is not known."),
    },
    "rate": {
        "ok": ReadinessText("ok", "The sensor measures at the rate it declares ({hz:.1f} Hz)."),
        "off": ReadinessText(
            "look",
            "The sensor measures at {hz:.1f} Hz, more than 2 % from the rate it declares. legmon records the true rate.",
        ),
        "measuring": ReadinessText("unknown", "The sensor's rate is being measured. This takes two minutes."),
    },
    "worn": {
        "worn": ReadinessText("ok", "The sensor is on the leg."),
        "not_worn": ReadinessText("look", "The sensor lies still, as on a table.", "Strap it on."),
        "charging": ReadinessText(
            "look", "The sensor is charging.", "Take it off the charger and strap it on."
        ),
        "unknown": ReadinessText(
            "look", "It is not known whether the sensor is worn.", "The fit check shows it."
        ),
    },
    "fit": {
        "ok": ReadinessText("ok", FIT_SENTENCES["ok"]),
        "none": ReadinessText("look", "There was no fit check this evening.", "It takes one minute."),
        **{code: ReadinessText("look", sentence) for code, sentence in FIT_SENTENCES.items() if code != "ok"},
    },
    "disk": {
        "ok": ReadinessText("ok", "{free} free, room for {nights_text} ({basis})."),
        "little": ReadinessText(
            "look", "{free} free, room for {nights_text} ({basis}).", "Free some space soon."
        ),
        "full": ReadinessText(
            "stop",
            "{free} free, room for {nights_text} ({basis}).",
            "A night needs {needed} free, since faster sensors and other programs write too. Free some space, or name a folder on"
            " another disk with --data.",
        ),
    },
    "clock": {
        "ok": ReadinessText("ok", "The clock {state}."),
        "early": ReadinessText(
            "look",
            "The clock shows a time before the end of your last night.",
            "Set this computer's clock.",
        ),
        "wrong_year": ReadinessText(
            "stop", "The clock shows the year {year:.0f}.", "Set this computer's clock. {network_time}"
        ),
        "was_set": ReadinessText(
            "look",
            "The clock was set by {jump_s:+.1f} s during this check.",
            "Wait until it has settled, then check again.",
        ),
        "not_synchronised": ReadinessText(
            "look", "The clock follows no time server, so nights may get a wrong time.", "{network_time}"
        ),
    },
    "sleep": {
        "held": ReadinessText("ok", "legmon keeps the computer awake."),
        "released": ReadinessText("ok", "legmon keeps the computer awake while a night is recorded."),
        "refused": ReadinessText(
            "look",
            "legmon may not keep the computer awake{words}.",
            "Turn off sleep mode in the system's settings for the night.",
        ),
        "unavailable": ReadinessText(
            "look",
            "legmon cannot keep this computer awake{words}.",
            "Turn off sleep mode in the system's settings for the night.",
        ),
        "unknown": ReadinessText("unknown", "Whether legmon can keep the computer awake is not known yet."),
    },
    "mains": {
        "plugged": ReadinessText("ok", "The computer is plugged in."),
        "battery": ReadinessText("look", "The computer runs on its battery.", "Plug it in for the night."),
        "unknown": ReadinessText(
            "unknown", "Whether the computer is plugged in is not known. Check the plug."
        ),
    },
    "lid": {
        "sleeps": ReadinessText(
            "ok", "Closing the lid sends the computer to sleep.", "Leave it open all night."
        ),
        "stays_awake": ReadinessText("ok", "The computer stays awake when its lid is closed."),
        "no_lid": ReadinessText("ok", "The computer has no lid."),
        "unknown": ReadinessText(
            "unknown",
            "What closing a lid does is not known.",
            "If the computer has one, leave it open all night.",
        ),
    },
    "folder": {
        "ok": ReadinessText("ok", "{path} can be written."),
        "to_be_made": ReadinessText("ok", "{path} can be written and will be made."),
        "not_writable": ReadinessText(
            "stop",
            "{path} cannot be written: {why}.",
            "Name another folder with --data, or change the permissions of this one.",
        ),
        "read_by_others": ReadinessText(
            "look",
            "Others on this computer can read {path}.",
            "Keep your nights to yourself: `chmod 700 {path}`.",
        ),
        "catalog": ReadinessText("stop", "The catalog in {path} cannot be opened: {why}."),
        "catalog_damaged": ReadinessText("look", "The catalog in {path} is damaged.", _ANEW),
        "catalog_missing": ReadinessText("look", "The catalog in {path} is missing.", _ANEW),
        "catalog_older": ReadinessText(
            "look", "An early version of legmon made the catalog in {path}.", _ANEW
        ),
    },
    "recordings": {
        "ok": ReadinessText("ok", "{recordings_text}, verified within {days_text}."),
        "none": ReadinessText("ok", "No recording is sealed yet."),
        "damaged": ReadinessText(
            "look",
            "The recordings of these nights are damaged: {nights_text}.",
            "See `legmon nights` with the name of a night. Put the files back from a backup, and check the disk.",
        ),
        "not_verified": ReadinessText(
            "look",
            "The recordings of these nights have changed since they were verified: {nights_text}.",
            "legmon verifies them when it runs and no night is recorded, or with `legmon score` and the name of a night.",
        ),
    },
    "zone": {
        "ok": ReadinessText("ok", "{zone}, UTC{offset}."),
        "unknown": ReadinessText(
            "look",
            "The time zone is not known, so nights are shown in UTC.",
            "Set the time zone of this computer (on Linux `sudo timedatectl set-timezone Europe/Berlin`).",
        ),
    },
    "cache": {
        "ok": ReadinessText("ok", "The compiled detector is kept in {path}."),
        "not_writable": ReadinessText(
            "look",
            "{path} cannot be written, so every start compiles the detector again, which takes seconds.",
            "Change the permissions of the folder, or name another one with NUMBA_CACHE_DIR.",
        ),
    },
}
"""Every item of the readiness list, and every code that it can have. `legmon doctor` prints the sentences; the pages translate
the codes."""
# In English, the page Tonight says the same about sensor, rate, worn and fit. About battery, link, disk and clock it says less
# on purpose: the name of the item stands beside the sentence, and the doctor shows more figures and names one of several sensors.

TONIGHT_ITEMS: Final = (
    "sensor",
    "battery",
    "link",
    "rate",
    "worn",
    "fit",
    "disk",
    "clock",
    "sleep",
    "mains",
    "lid",
)
"""The items on the page Tonight, in its order."""
DOCTOR_CODES: Final = {("sensor", "heard"), ("sensor", "none_heard"), ("clock", "was_set")}
"""Codes of these items that only `legmon doctor` reports."""

NETWORK_TIME: Final = "Switch network time on (on Linux `sudo timedatectl set-ntp true`)."
BLUETOOTH_FIXES: Final[dict[str, dict[str, str]]] = {
    "off": {
        "linux": "Switch it on: `bluetoothctl power on`; if that fails, `rfkill unblock bluetooth`.",
        "darwin": "Switch Bluetooth on in the System Settings.",
        "win32": "Switch Bluetooth on in the Settings.",
        "": "Switch Bluetooth on.",
    },
    "denied": {
        "linux": "Add yourself to the group: `sudo usermod -aG bluetooth $USER`, then log out and in again.",
        "darwin": "Allow your terminal in System Settings, Privacy & Security, Bluetooth; then start it again.",
        "win32": "Allow desktop apps to use Bluetooth in Settings, Privacy.",
        "": "Allow it in the settings.",
    },
}
"""What to do about Bluetooth by platform (``sys.platform``); empty for any other."""
NO_BLUETOOTH: Final = (
    "this computer has no Bluetooth that can be used; switch it on, or try `legmon demo`, which needs none"
)
"""The sentence where `legmon run` finds no Bluetooth."""

COMPILING: Final = "Compiling the detector, once: about 15 s."
FOLDER_READ_ONLY: Final = "the data folder {folder} cannot be written ({why}); check its permissions, or name another folder with --data"
"""The sentence where a command has to write into a data folder that can only be read."""
UNKNOWN_RUNS: Final = "A legmon works on {folder}, but its file that names the process is missing or cannot be written. `legmon stop` ends it."
"""The sentence of `legmon status` where only a lock shows that legmon runs."""
UNKNOWN_WORKS: Final = (
    "another legmon works on {folder}: a demo, a replay or a rescan. Wait until it has ended, or end it with Ctrl-C in its"
    " terminal"
)
"""The sentence of `legmon stop` where a program without a supervisor holds the data folder."""


# why the catalog cannot be used


class CatalogFault(StrEnum):
    """Why SQLite failed."""

    BUSY = "busy"
    FULL = "full"
    READ_ONLY = "read_only"
    FAILS = "fails"
    DAMAGED = "damaged"
    OTHER = "other"


_OTHER_FOLDER = "or name another folder with --data"
_SET_ASIDE = "move it out of the folder; the recordings of the nights are kept"
FREE_SPACE: Final = "free some space on the disk"
"""What to do about a full disk."""
CATALOG_ADVICE: Final[dict[CatalogFault, str]] = {
    CatalogFault.BUSY: "another program is using it: end that program, then try again",
    CatalogFault.FULL: f"{FREE_SPACE}, {_OTHER_FOLDER}",
    CatalogFault.READ_ONLY: f"check its permissions, {_OTHER_FOLDER}",
    CatalogFault.FAILS: f"check the disk, {_OTHER_FOLDER}",
    CatalogFault.DAMAGED: _SET_ASIDE,
    CatalogFault.OTHER: _SET_ASIDE,
}
"""What to do when the catalog cannot be opened."""


RENEWALS: Final[dict[str, str]] = {
    "missing": "The catalog was missing. legmon makes a new one from the recordings.",
    "damaged": "The catalog was damaged. legmon keeps it as {kept} and makes a new one from the recordings.",
    "older": "The catalog was made by an early version of legmon. legmon keeps it as {kept} and makes a new one from the"
    " recordings. Your marks, lights and settings are carried over.",
}
"""The sentence for a catalog that had to be made anew, by what was wrong with the one before."""


def renewal_sentence(why: str, kept: str) -> str:
    """Return the sentence for a catalog that had to be made anew."""
    return RENEWALS[why].format(kept=kept)


def unlisted_sentence(count: int) -> str:
    """Return the sentence for recordings in the data folder that are not in the list of nights."""
    recordings = "1 recording is" if count == 1 else f"{count} recordings are"
    return f"{recordings} not in the list of nights; `legmon rescan` reads the data folder again"


# why the detector and the rules decided as they did


class DetectorRule(StrEnum):
    """What the detector did with a stretch of the signal, and by which rule. A trace has no other rules than these."""

    BY_MOTION = "by_motion"
    BY_TURN = "by_turn"
    BY_BACK = "by_back"
    ENDED = "ended"
    CUT_OFF = "cut_off"
    LEG = "leg"
    RETURN = "return"
    WHILE_HELD = "while_held"
    LARGE = "large"
    JERKS = "jerks"
    TRAIN = "train"
    TREMBLES = "trembles"
    WEAK = "weak"
    BED = "bed"
    BUMP = "bump"
    HUM = "hum"
    LONG = "long"
    POSTURE = "posture"
    LOCOMOTION = "locomotion"
    ARTEFACT = "artefact"
    NOTHING = "nothing"
    RELAXES = "relaxes"


class ScoringRule(StrEnum):
    """What a rule set made of a movement, and why."""

    IN_SERIES = "in_series"
    FIRST_IN_SERIES = "first_in_series"
    FIRST = "first"
    LATE = "late"
    SOON = "soon"
    FEW = "few"
    SKIPPED = "skipped"
    BREAKS_LONG = "breaks_long"
    BREAKS_OTHER = "breaks_other"
    VOLUNTARY = "voluntary"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    IN_GAP = "in_gap"
    MANY_PARTS = "many_parts"
    LEFT_OUT = "left_out"


WHY_SENTENCES: Final[dict[DetectorRule | ScoringRule, str]] = {
    DetectorRule.BY_MOTION: "Opened by motion: {value:g} mg, threshold {threshold:g} mg.",
    DetectorRule.BY_TURN: "Opened by turn: gravity turned by {value:g} mg, threshold {threshold:g} mg.",
    DetectorRule.BY_BACK: "Opened by back: the leg came back by {value:g} mg, threshold {threshold:g} mg.",
    DetectorRule.ENDED: "Ended: for 1 s, motion stayed below {motion:g} mg, and gravity turned by less than {turning:g} mg in 0.4 s.",
    DetectorRule.CUT_OFF: "Ended where the samples end.",
    DetectorRule.LEG: "Leg movement: peak {peak:g} mg, {seconds:g} s.",
    DetectorRule.RETURN: "Joined: it brings the leg back, {since:g} s after the lift began.",
    DetectorRule.WHILE_HELD: "Joined: it moved while the leg was held up.",
    DetectorRule.LARGE: "Joined: part of the large movement that ended {gap:g} s before.",
    DetectorRule.JERKS: "Joined: the jerk {gap:g} s before began this movement, and this one ends it.",
    DetectorRule.TRAIN: "Tremor: one of {count:g} twitches less than {most:g} s apart.",
    DetectorRule.TREMBLES: "Tremor: in {seconds:g} s it swung to the other side {swings:g} times and came back to rest {returns:g} times.",
    DetectorRule.WEAK: "Left out: peak {peak:g} mg, below {least:g} mg.",
    DetectorRule.BED: "Left out: the bed, not the leg (leg chance {chance:g}, below {least:g}).",
    DetectorRule.BUMP: "Left out: a knock from outside ({hz:g} Hz, {seconds:g} s, {peak:g} mg).",
    DetectorRule.HUM: "Left out: a hum. It shook for seconds, and gravity stayed where it was.",
    DetectorRule.LONG: "Long: {seconds:g} s, more than {most:g} s.",
    DetectorRule.POSTURE: "Posture: rest turned by {turned:g} mg, more than {least:g} mg.",
    DetectorRule.LOCOMOTION: "Locomotion: hard steps for {seconds:g} s.",
    DetectorRule.ARTEFACT: "Artefact: more than half of it lies beyond the sensor's range.",
    DetectorRule.NOTHING: "Nothing here: motion came to {motion:g} of the {motion_on:g} mg that open a bout, turn to {turn:g}"
    " of {turn_on:g} mg.",
    DetectorRule.RELAXES: "Nothing here: gravity turned by {turn:g} mg, but it was turning the same way a second before. The leg relaxes.",
    ScoringRule.IN_SERIES: "In series {series:g}, {interval:g} s after the one before.",
    ScoringRule.FIRST_IN_SERIES: "In series {series:g}, as its first.",
    ScoringRule.FIRST: "Single: no movement before it to measure from.",
    ScoringRule.LATE: "Single: {interval:g} s after the one before.",
    ScoringRule.SOON: "Single: only {interval:g} s after the one before.",
    ScoringRule.FEW: "Single: {interval:g} s after the one before, but fewer than four in a row.",
    ScoringRule.SKIPPED: "Skipped: only {interval:g} s after the one before.",
    ScoringRule.BREAKS_LONG: "Breaks the series: lasts {seconds:g} s.",
    ScoringRule.BREAKS_OTHER: "Breaks the series: it is no leg movement.",
    ScoringRule.VOLUNTARY: "Breaks the series: you marked it as your own.",
    ScoringRule.TOO_LONG: "No candidate: lasts {seconds:g} s.",
    ScoringRule.TOO_SHORT: "Not scored: lasts {seconds:g} s, less than 0.5 s.",
    ScoringRule.IN_GAP: "No candidate: samples are missing in it.",
    ScoringRule.MANY_PARTS: "No candidate: both legs moved {count:g} times, over {seconds:g} s.",
    ScoringRule.LEFT_OUT: "No candidate: outside sleep, or beside a respiratory event.",
}


def why_message(rule: DetectorRule | ScoringRule, **values: float) -> Message:
    """Return the sentence for a rule that decided. The values are rounded as they are to be read."""
    return Message(rule.value, WHY_SENTENCES[rule].format(**values), values)


# why a request over HTTP is refused


class ProblemCode(StrEnum):
    """Why a request over HTTP is refused, as `Problem.code` carries it."""

    NO_SUCH_NIGHT = "no_such_night"
    NO_SUCH_MOVEMENT = "no_such_movement"
    NO_SUCH_MARK = "no_such_mark"
    NO_SAMPLES = "no_samples"
    WRONG_WINDOW = "wrong_window"
    LONG_WINDOW = "long_window"
    WRONG_STEPS = "wrong_steps"
    NOTHING_SENT = "nothing_sent"
    WRONG_LIGHTS = "wrong_lights"
    INVALID_REQUEST = "invalid_request"
    SENSOR_NOT_NEAR = "sensor_not_near"
    RECORDING = "recording"
    NO_DEMO = "no_demo"
    NOT_FOUND = "not_found"
    DISK_FULL = "disk_full"
    CATALOG_LOCKED = "catalog_locked"
    CATALOG_FAILS = "catalog_fails"
    NOT_STORED = "not_stored"
    INTERNAL_ERROR = "internal_error"
    NOT_HERE = "not_here"
    NOT_LET_IN = "not_let_in"
    TOO_MANY_TRIES = "too_many_tries"
    TOO_LARGE = "too_large"
    WRONG_METHOD = "wrong_method"


PROBLEM_SENTENCES: Final[dict[ProblemCode, str]] = {
    ProblemCode.NO_SUCH_NIGHT: "There is no night {night!r}. Choose one from the list of nights.",
    ProblemCode.NO_SUCH_MOVEMENT: "Night {night} has no movement {movement!r}. Load the page again.",
    ProblemCode.NO_SUCH_MARK: "Night {night} has no mark {mark!r}. Load the page again.",
    ProblemCode.NO_SAMPLES: "Night {night} has no samples of this leg. Choose the other leg.",
    ProblemCode.WRONG_WINDOW: "The end must lie after the start. Choose other times.",
    ProblemCode.LONG_WINDOW: "At most ten minutes are explained at once. Choose nearer times.",
    ProblemCode.WRONG_STEPS: "Each step must end after it starts, within two minutes. Do the check again.",
    ProblemCode.NOTHING_SENT: "The sensor has sent nothing for a check yet. Wait until it is sending.",
    ProblemCode.WRONG_LIGHTS: "Lights off must lie before lights on, and both within the recording. Choose other times.",
    ProblemCode.INVALID_REQUEST: "legmon does not understand this request ({why}). Load the page again.",
    ProblemCode.SENSOR_NOT_NEAR: "Sensor {address} is not heard nearby. Switch it on and look again.",
    ProblemCode.RECORDING: "A night is being recorded. Stop it before you choose another sensor.",
    ProblemCode.NO_DEMO: "These pages belong to no demo, so its speed cannot be set. Start one with `legmon demo`.",
    ProblemCode.NOT_FOUND: "There is nothing at this address. Start at the page Tonight.",
    ProblemCode.DISK_FULL: "The disk is full, so legmon cannot save this. Free some space on the disk, then try again.",
    ProblemCode.CATALOG_LOCKED: "Another program keeps the catalog locked, so legmon cannot save this. Try again in a moment.",
    ProblemCode.CATALOG_FAILS: "The catalog cannot be used ({why}). Check the disk and the permissions of the data folder, then"
    " try again.",
    ProblemCode.NOT_STORED: "legmon cannot use its catalog or the data folder now ({why}). Try again in a moment.",
    ProblemCode.INTERNAL_ERROR: "Something went wrong inside legmon. Your recording is safe; details are in dashboard.log.",
    ProblemCode.NOT_HERE: "Only the pages of legmon on this computer may use this address. Open the address that legmon shows"
    " when it starts.",
    ProblemCode.NOT_LET_IN: "You are not let in. Run `legmon open` on this computer; for a program, `legmon token` prints its token.",
    ProblemCode.TOO_MANY_TRIES: "Too many wrong tokens. Wait a minute, then run `legmon open` or `legmon token` for a right one.",
    ProblemCode.TOO_LARGE: "This request is larger than legmon ever needs: its head has more than 16 kB, or its body more than 1 MB.",
    ProblemCode.WRONG_METHOD: "This address does not know this method. Use one of: {allow}.",
}


class Event(StrEnum):
    """What somebody did, as the audit names it."""

    START = "start"
    STOP = "stop"
    CHECK = "check"
    SENSOR = "sensor"
    LIGHTS = "lights"
    NOTE = "note"
    MARK = "mark"
    SETTINGS = "settings"
    FIT = "fit"
    OPENED = "opened"
    ENTERED = "entered"
    TOKEN = "token"  # noqa: S105 (the name of an event)
    NEW_TOKEN = "new_token"  # noqa: S105
    REFUSED = "refused"


EVENT_SENTENCES: Final[dict[Event, str]] = {
    Event.START: "A night was started.",
    Event.STOP: "Recording was ended.",
    Event.CHECK: "A check of the sensor was started.",
    Event.SENSOR: "A sensor was chosen.",
    Event.LIGHTS: "Lights off or on was set.",
    Event.NOTE: "The note of a night was changed.",
    Event.MARK: "A movement was marked, or a mark removed.",
    Event.SETTINGS: "The settings were changed.",
    Event.FIT: "A fit check was made.",
    Event.OPENED: "An address with a token was made.",
    Event.ENTERED: "A browser was let in.",
    Event.TOKEN: "A token for programs was made.",
    Event.NEW_TOKEN: "The token for programs was replaced.",
    Event.REFUSED: "A wrong token was refused.",
}


def problem_sentence(code: ProblemCode, **parts: object) -> str:
    """Return why a request is refused, and what to do."""
    short = {name: plain(shortened(str(part), LONGEST_SENTENCE)) for name, part in parts.items()}
    return PROBLEM_SENTENCES[code].format(**short)
