"""The claims that we ship: their files, and the page that was written from them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.experiments.evidence.claims_page import is_page, section, summary_row
from simulator.experiments.evidence.claims_run import run_claim
from simulator.experiments.evidence.claims_settings import load
from simulator.experiments.evidence.claims_verdict import MEANINGS
from tests.helpers.places import ROOT, SCENARIOS

FILES = sorted((SCENARIOS / "claims").glob("*.yaml"))
PAGE = ROOT / "docs" / "claims.md"
QUICK = ("cossgd-1000", "fedlite-490", "fedpeft-transfer")
"""Dry claims of one model, which is built once."""
CLAIMS = {file: load(file) for file in FILES}
RECORDED = [file for file, claim in CLAIMS.items() if claim.scenario is None]
DRY = [file for file, claim in CLAIMS.items() if claim.scenario is not None and not claim.trains]
"""All that cost no training."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_claim_is_valid(file: Path) -> None:
    claim = CLAIMS[file]
    assert claim.assumed, "what decides and the source leaves out"
    assert file.read_text().startswith("# "), "its first line says which question it answers"


def says(file: Path) -> None:
    """The page has the section and the row that a claim gives now."""
    outcome, page = run_claim(file), PAGE.read_text(encoding="utf-8")
    assert section(outcome) in page
    assert summary_row(outcome) in page.splitlines()


@pytest.mark.parametrize("name", QUICK)
def test_the_page_says_what_a_dry_claim_gives(name: str) -> None:
    says(SCENARIOS / "claims" / f"{name}.yaml")


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_the_page_says_what_recorded_training_gives(file: Path) -> None:
    says(file)


@pytest.mark.slow
@pytest.mark.parametrize("file", DRY, ids=lambda file: file.stem)
def test_the_page_says_what_every_dry_claim_gives(file: Path) -> None:
    says(file)


def test_the_page_has_every_claim_with_its_words_and_a_verdict() -> None:
    assert is_page(PAGE)
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [file.stem for file in FILES]
    for file, text in zip(FILES, page.split("\n## ")[1:], strict=True):
        claim = CLAIMS[file]
        assert claim.claim in text
        assert all(f"- {sentence}\n" in text for sentence in claim.assumed)
        (found,) = re.findall(r"^- Verdict: \*\*(.+?)\*\*", text, re.MULTILINE)
        assert found in MEANINGS
