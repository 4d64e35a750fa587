"""`legmon --help` and `import legmon` answer at once, and the help of each command teaches it."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import legmon
from tests.conftest import ROOT, run_command, sensor, started, until

COMMANDS = (
    "demo", "run", "open", "status", "stop", "token", "service",
    "replay", "score", "why", "nights", "simulate", "golden", "doctor", "sensors",
    "decode", "scan", "qualify", "warmup",
)  # fmt: skip
HEAVY = ("numba", "numpy", "sqlalchemy", "alembic", "bleak", "bumble", "fastapi", "uvicorn")
HELP = f"""
import sys
from legmon.cli import command_line
app, loaded = command_line(), {{}}
for command in [[], *([c] for c in {COMMANDS!r})]:
    try:
        app([*command, "--help"])
    except SystemExit as end:
        assert end.code == 0, command
    loaded[" ".join(command)] = [name for name in {HEAVY!r} if name in sys.modules]
import json
print(json.dumps(loaded), file=sys.stderr)
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_no_help_imports_what_takes_long() -> None:
    done = python(HELP)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr) == {"": [], **{command: [] for command in COMMANDS}}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example_of_it(command: str) -> None:
    words = " ".join(run_command(command, "--help").stdout.replace("│", " ").split())
    assert "Example" in words
    assert f"legmon {command}" in words.partition("Example")[2]


def test_the_public_names_are_those_that_dir_shows() -> None:
    classes, functions = (
        ["Agreement", "Detector", "LegMovement", "LiveScorer", "Scored"],
        ["agreement", "detect", "listen", "score"],
    )
    assert dir(legmon) == classes + functions
    assert set(dir(legmon)) | {"__version__"} == set(legmon.__all__)
    for name in dir(legmon):
        assert getattr(legmon, name).__doc__


def test_importing_legmon_imports_nothing_until_a_name_is_used() -> None:
    done = python(
        f"import sys, legmon; before = set(sys.modules); legmon.LegMovement; assert not set({HEAVY!r}) & set(sys.modules);"
        "legmon.score; legmon.Scored; legmon.agreement; legmon.Agreement; legmon.detect; legmon.Detector"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["legmon", "legmon.evaluation.agreement", "legmon.scoring.live"])
def test_the_examples_in_docstrings_are_true(module: str) -> None:
    tried = doctest.testmod(importlib.import_module(module))
    assert tried.attempted > 0
    assert tried.failed == 0


IGNORED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-m", "legmon", *sys.argv[1:]])
"""
"""What a shell script does with its background jobs: SIGINT is ignored when the program starts."""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere no child inherits an ignored signal")
def test_ctrl_c_ends_a_trial_early_also_in_the_background(
    air: str, short_folder: Path, tmp_path: Path
) -> None:
    log = short_folder / "sent.jsonl"
    command = ("qualify", "--minutes", "480", "--hci", air, "--json", "--data", str(tmp_path))
    with (
        sensor(air, short_folder, "--name", "LegMon-Early"),
        started("-c", IGNORED, *command) as trial,
    ):
        until(lambda: log.exists() and log.read_text().count('"sent"') > 4, what="the trial has begun")
        trial.process.send_signal(signal.SIGINT)
        card = json.loads("{" + trial.says("{"))
        assert trial.process.wait(60) == 0
    assert card["name"] == "LegMon-Early"


@pytest.mark.skipif(os.name != "posix", reason="elsewhere no child inherits an ignored signal")
def test_sigint_is_heard_also_where_it_was_ignored_and_a_handler_stays() -> None:
    done = python(
        "import signal; from legmon.cli.options import listen_for_ctrl_c as listen;"
        "signal.signal(signal.SIGINT, signal.SIG_IGN); listen();"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler;"
        "mine = lambda *_: None; signal.signal(signal.SIGINT, mine); listen();"
        "assert signal.getsignal(signal.SIGINT) is mine"
    )
    assert done.returncode == 0, done.stderr
