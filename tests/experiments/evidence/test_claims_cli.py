"""`sfsim claims`: a table and a page; or one message for each claim that fails, and exit status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.experiments.evidence.claims_page import MARK
from tests.helpers.commands import Sfsim

CLAIM = """\
name: {name}
claim: A model is sent as often as there are clients.
source: {{paper: "nobody (2024)", where: nowhere, mark: M}}
scenario:
  name: small
  world: {{devices: [{{name: raspberry-pi-4, count: 1}}], server: {{name: rtx-4090}}}}
  model: {{name: random, image_size: 8}}
  data: {{name: synthetic, samples: 100, test_samples: 10, classes: 5}}
  training: {{rounds: 1, clients_per_round: 1, batch_size: 100, optimizer: {{name: sgd, learning_rate: 0.1}}}}
  algorithms:
    - {{name: fedavg, label: FL}}
    - {{name: fedavg, label: linear, training: {{train: linear}}}}
conditions: stated
otherwise: does not
figures:
  - {{label: bytes, measure: {{name: ratio, of: linear, over: FL, quantity: bytes}}, claimed: 1, at_least: {least}}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are two claims and a folder for the page."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "scenarios" / "claims").mkdir(parents=True)
    for name, least in (("right", 0), ("wrong", 1)):
        (tmp_path / "scenarios" / "claims" / f"{name}.yaml").write_text(CLAIM.format(name=name, least=least))


def test_all_claims_and_their_page(sfsim: Sfsim) -> None:
    status, out, err = sfsim("claims")
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if "at least" in line] == ["right", "wrong"]
    page = Path("docs/claims.md").read_text()
    assert page.startswith(f"{MARK}\n")
    assert "- Verdict: **holds**\n" in page
    assert "- Verdict: **does not**. At best " in page
    assert sfsim("claims")[0] == 0, "a page may be written again"


def test_a_claim_by_name_writes_no_page(sfsim: Sfsim) -> None:
    status, out, _ = sfsim("claims", "wrong")
    assert status == 0
    assert "right" not in out
    assert not Path("docs/claims.md").exists()


def test_a_page_elsewhere(sfsim: Sfsim) -> None:
    assert sfsim("claims", "right", "--out", "mine.md")[0] == 0
    assert Path("mine.md").read_text().count("\n## ") == 1


def test_other_claims_are_computed_if_one_fails(sfsim: Sfsim) -> None:
    file = Path("scenarios/claims/wrong.yaml")
    file.write_text(file.read_text().replace("name: random", "name: rando"))
    status, out, err = sfsim("claims")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("sfsim: scenarios/claims/wrong.yaml, line 7: model.name is")
    assert "right" in out
    assert not Path("docs/claims.md").exists(), "a page without a claim would be wrong"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["wong"], 'scenarios/claims: there is no claim "wong"; did you mean "wrong"? (right, wrong)'),
        (["--folder", "docs"], "docs: there is no claim, no file *.yaml; name the folder of claims with --folder"),
        (["--out", "gone/claims.md"], "there is no folder gone to write claims.md into: name a page with --out"),
        (
            ["--out", "scenarios/claims/right.yaml"],
            "scenarios/claims/right.yaml exists, and is not a page of claims: name another with --out",
        ),
    ],
)
def test_a_mistake_is_one_message(sfsim: Sfsim, words: list[str], problem: str) -> None:
    status, _, err = sfsim("claims", *words)
    assert (status, err) == (2, f"sfsim: {problem}\n")


def test_other_commands_tell_a_claim(sfsim: Sfsim) -> None:
    status, _, err = sfsim("run", "scenarios/claims/right.yaml", "--dry")
    assert status == 2
    assert "scenarios/claims/right.yaml is a claim, not a scenario: `sfsim claims` takes it" in err
