"""What legmon is made of is listed, and an audit that could not look anything up does not say that all is well."""

from __future__ import annotations

import json

import pytest

from benchmarks import dependencies

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.radio
def test_the_packages_of_the_pages_are_listed_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    done = dependencies.npm(*dependencies.PAGES)
    names = {c["name"] for c in json.loads(done.stdout)["components"]}
    assert {"svelte", "uplot"} <= names


@pytest.mark.radio
def test_an_audit_says_where_its_database_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("npm_config_registry", "HTTPS_PROXY", "https_proxy", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    assert dependencies.audit() == dependencies.NOT_CHECKED
    said = capsys.readouterr().out
    assert "Pages: nothing was looked up" in said
    assert "Python: " in said
    assert "No known weakness" not in said
