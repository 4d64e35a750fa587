"""Published frames (vendors' unit tests, documents, captured logs): each one passes, or is listed here with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.vectors import FAMILIES, entries, outcome, table

FOUND = entries()
IOS = "refused whole, as Polar's Android SDK does"
ADVERTISED = "not used: heart beats in advertisements"
NOT_PASSED = {
    "po4yka-acc-compressed-type0-truncated-delta-header-ios-reference-only": IOS,
    "po4yka-acc-compressed-type0-truncated-delta-payload-ios-reference-only": IOS,
    "po4yka-acc-raw-type1-two-samples": "1 ns after the frame's own time, against the SDK's own test",
    "po4yka-custom-prefix-local-name": "not used: another prefix",
    "po4yka-manufacturer-hr-sagrfc23": ADVERTISED,
    "po4yka-manufacturer-no-hr": ADVERTISED,
    "po4yka-manufacturer-non-polar": ADVERTISED,
    "po4yka-manufacturer-polar-gpb-missing-length-platform-policy": ADVERTISED,
    "po4yka-manufacturer-polar-id-only": ADVERTISED,
    "po4yka-manufacturer-polar-truncated-hr-candidate": ADVERTISED,
    "po4yka-manufacturer-polar-unknown-gpb-segment": ADVERTISED,
    "po4yka-manufacturer-unknown-company": ADVERTISED,
    "po4yka-service-uuid-membership": "not used: heart rate (180D) and file transfer",
    "gsp-subscribe-acc52-ref99": "never sent so: a path without its zero",
    "gsp-get-battery-ref101": "never sent so: a path without its zero",
    "gsp-dl-start-ref102": "not used: the sensor's own logbook",
    "gsp-dl-stop-ref103": "not used: the sensor's own logbook",
    "gsp-fetchlog-1-ref104": "not used: the sensor's own logbook",
    "cmd-save": "never sent: it would keep our rate",
    "cmd-acc-calibration": "never sent: it zeroes",
    "conn-params": "not used: the log on the board",
    "log-start": "not used: the log on the board",
    "log-clear": "not used: the log on the board",
}


@pytest.mark.parametrize(
    ("family", "entry"),
    [
        pytest.param(f, e, id=f"{e['id']}: {NOT_PASSED[e['id']]}" if e["id"] in NOT_PASSED else e["id"])
        for f, e in FOUND
    ],
)
def test_vector(family: str, entry: dict[str, Any]) -> None:
    reason = outcome(family, entry).reason
    assert NOT_PASSED.get(entry["id"], "") in reason
    assert bool(reason) == (entry["id"] in NOT_PASSED), reason


def test_every_family_and_kind_is_counted() -> None:
    rows = table([outcome(family, entry) for family, entry in FOUND])
    assert {name.split(":")[0] for name in rows} == set(FAMILIES)
    assert sum(row["total"] for row in rows.values()) == len(FOUND) == 146
    assert sum(row["passed"] for row in rows.values()) == 146 - len(NOT_PASSED)
