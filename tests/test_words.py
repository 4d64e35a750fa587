"""What the words of scored nights mean: one closed table."""

from __future__ import annotations

import pytest

from legmon.exchange.words import LONGEST_TEXT, Word, meaning, normal, side
from legmon.scoring.sleep import STAGES

LEFT = ["LM:left", "lm_left", "LM_L", "Limb movement@@EMG LAT", "L leg movement", "PLM (Left)", "plm_left",
        "Periodic leg movement - left|PLM (Left)", "Left leg movement", "Beinbewegung links", "mouvement de jambe gauche",
        "Limb movement left", "LMl", "PLML", "leg movement (left)"]  # fmt: skip
RIGHT = ["LM:right", "lm_right", "LM_R", "Limb movement@@EMG RAT", "R leg movement", "PLM (Right)", "PLM right",
         "Periodic leg movement - right|PLM (Right)", "Beinbewegung rechts", "LMR", "plmr"]  # fmt: skip
NO_LEG = [
    "LM",
    "PLM",
    "PLMS",
    "limb movement",
    "Leg movement",
    "limb_movement",
    "PLM-LM",
    "MJ",
    "Limb jerk",
    "Isolated limb movement",
]
CHANNELS = {
    "left": ["LAT", "EMG LAT", "Leg-Left", "LegLeft", "leg_l", "lleg", "plml", "bein l", "jambe g", "L", "EMG Tib. L",
             "Left Leg", "LLEG"],
    "right": ["RAT", "EMG RAT", "Leg-Right", "LegRight", "leg_r", "rleg", "plmr", "bein r", "jambe d", "R", "Right Leg", "RLEG"],
}  # fmt: skip
AROUSALS = ["Arousal resulting from periodic leg movement|Arousal (PLM)", "arousal (PLM)", "PLM arousal", "Arousal", "LM arousal",
            "Micro-éveil", "arousal:plm"]  # fmt: skip
STAGE_WORDS = {
    "W": ["W", "Wake", "Sleep stage W", "Wake|0", "Éveil", "SLEEP-S0", "Stage W", "sleep_W", "Wach"],
    "N1": [
        "N1",
        "S1",
        "Sleep stage 1",
        "NREM1",
        "Stage 1 sleep|1",
        "SLEEP-S1",
        "Sleep stage N1",
        "sleep_N1",
        "Stade 1",
    ],
    "N2": ["N2", "Sleep stage 2", "NREM2", "Stage 2 sleep|2", "SLEEP-S2", "Sleep stage N2", "sleep_N2"],
    "N3": [
        "N3",
        "Sleep stage 3",
        "Sleep stage 4",
        "NREM3",
        "Stage 3 sleep|3",
        "Stage 4 sleep|4",
        "SLEEP-S4",
        "N4",
        "SWS",
    ],
    "R": ["R", "REM", "Sleep stage R", "REM sleep|5", "SLEEP-REM", "sleep_REM", "Sleep stage REM", "SP"],
    "": ["Sleep stage ?", "Unscored|9", "SLEEP-MT", "Movement time", "Sleep stage M"],
}


@pytest.mark.parametrize(("texts", "leg"), [(LEFT, "left"), (RIGHT, "right"), (NO_LEG, None)])
def test_leg_movements_and_their_legs(texts: list[str], leg: str | None) -> None:
    found = {text: meaning(text) for text in texts}
    assert {t: w and (w.meaning, w.leg) for t, w in found.items()} == dict.fromkeys(texts, ("movement", leg))


@pytest.mark.parametrize(
    ("text", "leg"),
    [("Leg Movement - Left Leg", "left"), ("EMG RAT limb movement", "right"), ("LM 12", None), ("PLM event 3", None),
     ("Right Limb Movement Event", "right"), ("Leg movement 7 (left)", "left")],
)  # fmt: skip
def test_words_beside_the_mark_and_numbers_change_nothing(text: str, leg: str | None) -> None:
    word = meaning(text)
    assert word is not None
    assert (word.meaning, word.leg, word.both) == ("movement", leg, False)


@pytest.mark.parametrize("text", ["LM both", "Bilateral leg movement", "PLM (bilateral)", "LM left right"])
def test_both_legs_may_move_in_one_mark(text: str) -> None:
    word = meaning(text, "LAT")
    assert word is not None
    assert (word.meaning, word.leg, word.both) == ("movement", None, True)


@pytest.mark.parametrize("leg", CHANNELS)
def test_a_channel_names_the_leg(leg: str) -> None:
    assert {c: side(c) for c in CHANNELS[leg]} == dict.fromkeys(CHANNELS[leg], leg)
    for channel in CHANNELS[leg]:
        word = meaning("PLM", channel)
        assert word is not None
        assert (word.leg, word.may_be_series) == (leg, True)
    assert side("EMG 1") is side("LAT and RAT") is side("") is None
    own = meaning("LM right", "LAT")
    assert own is not None
    assert own.leg == "right", "the text counts before the channel"


@pytest.mark.parametrize("stage", STAGE_WORDS)
def test_stages_of_both_manuals(stage: str) -> None:
    words = STAGE_WORDS[stage]
    assert {w: meaning(w) for w in words} == dict.fromkeys(words, Word("stage", stage))
    assert stage in {*STAGES, ""}


@pytest.mark.parametrize("text", AROUSALS)
def test_an_arousal_from_a_leg_movement_is_no_leg_movement(text: str) -> None:
    assert meaning(text) == Word("unused")


def test_series_and_breath() -> None:
    for text in ("PLM series 07", "PLM episode", "Periodic leg movement series"):
        assert meaning(text) == Word("series"), text
    for text in (
        "Obstructive apnea|Obstructive Apnea",
        "Hypopnea",
        "A. Obstructive",
        "Hypopnée",
        "RERA",
        "Obstructive apnoea",
    ):
        assert meaning(text) == Word("breath"), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "???",
        "dream",
        "film",
        "LMNOP",
        "left",
        "R hand movement",
        "algorithm",
        "PLM?maybe",
        "REM behaviour",
    ],
)
def test_what_is_in_no_table_is_not_understood(text: str) -> None:
    word = meaning(text)
    assert word is None or word.meaning == "unused"
    assert word is None or text == "left"


def test_a_text_of_megabytes_costs_no_more_than_its_beginning() -> None:
    assert len(normal("A" * 5_000_000)) == LONGEST_TEXT
    assert meaning("PLM" + "@@" * 1_000_000) is not None
    assert meaning("(" * 1_000_000) is None
