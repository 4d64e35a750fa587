"""What the words of scored nights mean: one closed table over the systems that score nights.

A text is looked up as a whole, without its case, accents and marks; then without the words that name a leg; then its parts
around a bar (``Periodic leg movement - left|PLM (Left)``). What is in no table is not understood, and the answer lists it.
Nothing is guessed from a part of a text: an arousal *from* a leg movement is no leg movement.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from legmon.movement import Leg

LONGEST_TEXT: Final = 1000
"""Characters of a text that are looked at."""

Meaning = Literal["movement", "series", "stage", "breath", "unused"]


@dataclass(frozen=True, slots=True)
class Word:
    """What a text means.

    Parameters
    ----------
    meaning : str
        A leg movement, a series of them, a sleep stage, a respiratory event, or something that the rules do not need.
    stage : str
        ``W``, ``N1``, ``N2``, ``N3``, ``R``; empty where nothing was scored.
    leg : {"left", "right"}, optional
        The leg that the text or its channel names.
    may_be_series : bool
        Whether some systems draw one such mark over a whole series.
    both : bool
        Whether the text names both legs.
    """

    meaning: Meaning
    stage: str = ""
    leg: Leg | None = None
    may_be_series: bool = False
    both: bool = False


def _all(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\n", ",").split(",") if line.strip()]


_PLM: Final = _all("""
    plm, plms, periodic leg movement, periodic leg movements, periodic limb movement, periodic limb movements,
    plmw, plm event, periodische beinbewegung, periodische beinbewegungen, mouvement periodique de jambe,
    mouvements periodiques des jambes, mpj, movimiento periodico de pierna, plm lm
""")
_LM: Final = _all("""
    lm, lms, lm event, limb movement, limb movements, leg movement, leg movements, limb jerk, leg jerk,
    legmovement, limbmovement, isolated limb movement, isolated leg movement, isolated lm, ilm, lm isolated,
    clm, candidate leg movement, leg event, limb movement isolated, mj, mouvement de jambe, mouvement jambe,
    mouvement des jambes, beinbewegung, beinbewegungen, bein, movimiento de pierna, movimiento de piernas,
    movimento della gamba, beenbeweging, periodic limb movement lm
""")
_SERIES: Final = _all("""
    plm series, plm episode, plm sequence, plms series, plms episode, lm series, series, episode, leg movement
    series, periodic leg movement series, periodic limb movement series, periodic limb movement episode, plm
    train, serie plm, plm serie
""")
_STAGES: Final[dict[str, str]] = {
    word: stage
    for stage, words in {
        "W": """
            w, wake, awake, wakefulness, stage w, stage wake, sleep stage w, sleep stage wake, sleep w,
            sleep wake, wake 0, wach, eveil, veille, vigilia, waak, sleep s0, s0, stage 0, sleep stage 0,
            stade w, sleep stage awake
        """,
        "N1": """
            n1, s1, nrem1, nrem 1, stage 1, stage n1, sleep stage 1, sleep stage n1, sleep n1, stage 1
            sleep, stage 1 sleep 1, sleep s1, sleep stage s1, stade 1, stade n1, sleep stage nrem1, sleep
            stage nrem 1, stage s1, non rem1
        """,
        "N2": """
            n2, s2, nrem2, nrem 2, stage 2, stage n2, sleep stage 2, sleep stage n2, sleep n2, stage 2
            sleep, stage 2 sleep 2, sleep s2, sleep stage s2, stade 2, stade n2, sleep stage nrem2, sleep
            stage nrem 2, stage s2, non rem2
        """,
        "N3": """
            n3, s3, nrem3, nrem 3, stage 3, stage n3, sleep stage 3, sleep stage n3, sleep n3, stage 3
            sleep, stage 3 sleep 3, sleep s3, sleep stage s3, stade 3, stade n3, sleep stage nrem3, sleep
            stage nrem 3, stage s3, non rem3, n4, s4, nrem4, nrem 4, stage 4, stage n4, sleep stage 4, sleep
            stage n4, sleep n4, stage 4 sleep, stage 4 sleep 4, sleep s4, sleep stage s4, stade 4, sleep
            stage nrem4, sleep stage nrem 4, stage s4, non rem4, sws, slow wave sleep, stage 3 4 sleep,
            stage 3 4, sleep stage 3 4, stage 3 4 sleep 3
        """,
        "R": """
            r, rem, stage r, stage rem, sleep stage r, sleep stage rem, sleep r, sleep rem, rem sleep, rem
            sleep 5, stage rem sleep, sleep stage 5, stage 5, sp, sommeil paradoxal, paradoxal, stade r,
            stade rem, stade sp, stage 5 sleep
        """,
        "": """
            unscored, sleep stage, sleep stage unknown, sleep stage unscored, stage unknown, stage unscored,
            unscored 9, sleep stage movement, movement time, mt, sleep stage m, sleep stage mt, stage mt,
            unsure stage, movement 6, indeterminate sleep, sleep mt, sleep stage n, nrem, unstaged
        """,
    }.items()
    for word in _all(words)
}
_BREATH: Final = _all("""
    apnea, apnoea, obstructive apnea, obstructive apnoea, central apnea, central apnoea, mixed apnea, mixed
    apnoea, hypopnea, hypopnoea, obstructive hypopnea, central hypopnea, mixed hypopnea, obstructive hypopnoea,
    central hypopnoea, mixed hypopnoea, rera, reras, respiratory effort related arousal, apnea obstructive,
    apnea central, apnea mixed, apnee, apnee obstructive, apnee centrale, apnee mixte, hypopnee, hypopnee
    obstructive, hypopnee centrale, a obstructive, a centrale, a mixte, a central, a mixed, apnoe, obstruktive
    apnoe, zentrale apnoe, gemischte apnoe, hypopnoe, respiratory event, apnea hypopnea, unclassified apnea,
    osa, csa, msa, oa, ca, ma, resp apnea, resp hypopnea, respiratory effort
""")
_UNUSED: Final = _all("""
    arousal, arousals, micro arousal, microarousal, micro eveil, spontaneous arousal, arousal spontaneous,
    arousal asda, asda arousal, arousal resulting from periodic leg movement, arousal plm, plm arousal, plms
    arousal, lm arousal, arousal lm, limb movement arousal, leg movement arousal, arousal limb movement, arousal
    leg movement, arousal resulting from respiratory effort, arousal resulting from limb movement, arousal lm
    plm, arousal limb, movement arousal, arousal rera, respiratory arousal, arousal respiratory, arousal
    resulting from respiratory event, external arousal, arousal external arousal, arousal from leg movement, plm
    related arousal, plm with arousal, lm with arousal, lights off, lights on, lights out, light off, light on,
    lumieres eteintes, lumieres allumees, licht aus, licht an, recording starts, recording start, recording
    ends, recording end, start, stop, start recording, stop recording, start of recording, end of recording,
    recording gap, gap, pause, resume, debut de l analyse, fin de l analyse, analysis start, analysis end, start
    of analysis, end of analysis, artifact, artefact, bad, invalid, calibration, biocal, bio calibration,
    impedance, impedance check, spo2 desaturation, spo2 desaturation spo2 desaturation, desaturation, oxygen
    desaturation, desat, spo2 artifact, spo2 artifact spo2 artifact, snore, snoring, ronflement, schnarchen,
    snore train, cheyne stokes, cheyne stokes respiration, periodic breathing, periodic breathing csr,
    hypoventilation, bradycardia, tachycardia, asystole, heart rate, narrow complex tachycardia, supine, prone,
    upright, standing, left side, right side, position, body position, position supine, position left, position
    right, position prone, position upright, dos, ventre, gauche, droite, debout, assis, rucken, bauch, links,
    rechts, back, front, left, right, spindle, spindles, k complex, kcomplex, slow wave, sawtooth, alpha,
    bruxism, rbd, rem behavior event, swallowing, not worn, notification, avertissement, evenement, comment,
    technician, bathroom, walking, eye blink, eyes open, eyes closed, movement, body movement, gross movement,
    recording started, recording stopped, motion, epoch, duration hms, duration sec, epoch sec, annot offset
""")

_TABLE: Final[dict[str, Word]] = {
    **{w: Word("unused") for w in _UNUSED},
    **{w: Word("breath") for w in _BREATH},
    **{w: Word("series") for w in _SERIES},
    **{w: Word("movement") for w in _LM},
    **{w: Word("movement", may_be_series=True) for w in _PLM},
    **{w: Word("stage", stage) for w, stage in _STAGES.items()},
}

_SIDES: Final[dict[str, Leg]] = {
    **dict.fromkeys(
        _all("""
            left, l, lat, lleg, legl, leftleg, legleft, plml, lml, llm, links, linkes, linker, gauche,
            g, izquierda, izquierdo, sinistra, emglat, emgl, tibl, ltib, lta, tal, leftemg, emgleft,
            beinl, beinlinks, jambeg, llegemg
        """),
        "left",
    ),
    **dict.fromkeys(
        _all("""
            right, r, rat, rleg, legr, rightleg, legright, plmr, lmr, rlm, rechts, rechtes, rechter,
            droite, d, derecha, derecho, destra, emgrat, emgr, tibr, rtib, rta, tar, rightemg, emgright,
            beinr, beinrechts, jambed, rlegemg
        """),
        "right",
    ),
}
"""Words that name a leg, in a text or in the name of a channel."""
_CORES: Final = {"plml": "plm", "plmr": "plm", "lml": "lm", "lmr": "lm", "llm": "lm", "rlm": "lm"}
"""Words that name a movement and its leg at once."""
_CHANNEL: Final = {
    "leg", "legs", "emg", "tib", "tibialis", "anterior", "ant", "ta", "limb", "bein", "jambe", "chan", "channel", "pierna",
    "gamba", "acc", "x", "y", "z", "ankle", "signal", "bipolar", "1", "2", "lower", "extremity",
}  # fmt: skip
"""Words of a channel's name that say nothing of the side."""
_BOTH: Final = {"both", "bilateral", "bilat", "beide", "beidseits", "deux", "ambas"}
_ASIDE: Final = {
    "event",
    "events",
    "marker",
    "scored",
    "manual",
    "auto",
    "automatic",
    "emg",
    "tib",
    "tibialis",
    "anterior",
    "channel",
}
"""Words that say nothing of what was marked."""
_COUNTED: Final = {"movement", "series", "breath"}


def normal(text: str) -> str:
    """Return a text as the table has it: small letters and digits, without accents and marks."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST_TEXT])
    spaced = re.sub(r"([a-z])([A-Z][a-z])", r"\1 \2", plain)  # LegLeft
    return " ".join(
        re.findall(r"[a-z0-9]+", "".join(c for c in spaced if not unicodedata.combining(c)).lower())
    )


def side(name: str) -> Leg | None:
    """Return the leg that a text or a channel names; None if it names none or both."""
    words = normal(name).split()
    found = {_SIDES[w] for w in (*words, "".join(words)) if w in _SIDES}
    return found.pop() if len(found) == 1 else None


@lru_cache(maxsize=4096)
def meaning(text: str, channel: str = "") -> Word | None:
    """Return what a text means; None if it is in no table.

    Parameters
    ----------
    text : str
        The name of an annotation. What follows ``@@`` is a channel.
    channel : str
        The channel that it belongs to.
    """
    text, _, linked = text[:LONGEST_TEXT].partition("@@")
    channel = f"{linked} {channel[:LONGEST_TEXT]}".strip()
    for part in (text, *text.split("|")[:4], *_outside_brackets(text)):
        word, leg, both = _looked_up(normal(part))
        if word is None:
            continue
        if word.meaning in {"movement", "series"}:
            leg = None if both else leg or side(text) or side(channel)
            return Word(word.meaning, leg=leg, may_be_series=word.may_be_series, both=both)
        return word
    return None


def _outside_brackets(text: str) -> list[str]:
    """Return what stands outside of brackets, where a system writes details of its own into them."""
    bare = re.sub(r"[(\[][^)\]]*[)\]]", " ", text)
    return [bare] if bare != text and bare.strip() else []


def _looked_up(name: str) -> tuple[Word | None, Leg | None, bool]:
    """Return what a name means, the leg in it, and whether it names both legs."""
    if name in _TABLE:
        return _TABLE[name], None, False
    words = name.split()
    legs = {_SIDES[w] for w in words if w in _SIDES}
    both = len(legs) == 2 or bool(_BOTH & set(words))
    core = [_CORES.get(w, "") if w in _SIDES else w for w in words if w not in _BOTH]
    core = [w for w in core if w]
    while core and core[-1].isdigit():  # some number their marks
        core.pop()
    for left_out in ((), _ASIDE, _CHANNEL):
        candidate = " ".join(dict.fromkeys(w for w in core if w not in left_out))
        word = _TABLE.get(candidate)
        if word is not None and word.meaning in _COUNTED:
            return word, legs.pop() if len(legs) == 1 and not both else None, both
    return None, None, False
