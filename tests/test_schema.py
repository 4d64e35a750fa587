"""The HTTP interface against its description: schemathesis asks what nobody would, while a real recorder works.

No answer is a 5xx, none is undocumented, and each 405 has `Allow`. `LEGMON_SCHEMA_S` is how many seconds each run may take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from legmon.catalog.store import Catalog
from tests.conftest import ROOT, let_in, sensor, started, until
from tests.made import Made, evening, make_night, scenario
from tests.test_recorder import recorder, want

SECONDS = os.environ.get("LEGMON_SCHEMA_S", "20")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,missing_required_header,unsupported_method,allow_header_conformance"
)
"""Without the checks that know only the schema: some requests are refused for what they mean, as an end before its start."""
FEWEST = 10  # of a busy machine; an idle one makes some hundreds


@pytest.mark.parametrize("mode", ["check", "record"])
def test_no_answer_fails_or_is_undocumented(air: str, tmp_path: Path, mode: str) -> None:
    data = tmp_path / "data"
    catalog = Catalog(data)
    make_night(catalog, Made(evening(-1), {"left": scenario(3, 0.2, per_hour=120)}))
    catalog.close()
    report, config = tmp_path / "report.json", tmp_path / "schemathesis.toml"
    config.write_text('[parameters]\nnight_id = "last"\n')  # else nearly every night is one that there is not
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(config),
        "run",
        str(ROOT / "dashboard" / "openapi.json"),
    ]
    command += [
        "--checks",
        CHECKS,
        "--seed",
        "1",
        "--continue-on-failure",
        "--no-color",
    ]
    command += ["--report", "json", "--report-json-path", str(report), "--request-timeout", "20"]
    command += ["--exclude-operation-id", "getEvents"]  # its answer has no end
    if mode == "record":
        want(data, record=True)
        command += ["--exclude-operation-id", "want"]  # it would end the recording
    else:
        catalog = Catalog(data)
        catalog.want("check", "left")
        catalog.close()
    with (
        sensor(air, tmp_path, "--speed", "1"),
        started(*recorder(data, air, speed=1)) as recording,
        started("-m", "legmon.web", "--data", str(data), "--port", "0") as web,
    ):
        address = web.says("ready")
        if mode == "record":
            until(lambda: len(list(data.glob("nights/*/"))) == 2, what="the night begins")
        command += ["--url", address, "-H", f"Authorization: {let_in(address)['Authorization']}"]
        for seconds in (
            float(SECONDS),
            6 * float(SECONDS),
        ):  # a busy machine has hardly begun after the first
            asking = [*command, "--max-time", f"{seconds:.0f}"]
            done = subprocess.run(
                asking, cwd=tmp_path, capture_output=True, text=True, timeout=seconds + 90, check=False
            )
            cases = json.loads(report.read_text())["test_cases"]
            if done.returncode or cases["generated"] > FEWEST:
                break
        assert recording.process.poll() is None
        assert web.process.poll() is None
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    print(f"{mode}: {cases['generated']} cases, {cases['unique_failures']} deviations")
    assert cases["generated"] > FEWEST
    assert "Traceback" not in (data / "logs" / "dashboard.log").read_text()
