"""What is published of fidelity: the page is what the command writes, and the catalogue has what the rows give."""

from pathlib import Path

import pytest

from simulator.experiments.evidence.fidelity import Compared, compare, held_out, within
from simulator.experiments.evidence.fidelity_tables import markdown
from simulator.experiments.evidence.fitting import fitted
from simulator.experiments.evidence.predicting import device
from simulator.experiments.evidence.rows import read_rows

PAGE = Path(__file__).parents[3] / "docs" / "fidelity.md"
PERCENT = 0.01


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    return compare(read_rows())


@pytest.mark.slow
def test_held_out_rows_are_within_the_bounds(compared: list[Compared]) -> None:
    assert len(held_out(compared)) > 30
    assert within(held_out(compared))


@pytest.mark.slow
def test_the_page_ends_with_what_the_command_writes(compared: list[Compared]) -> None:
    assert PAGE.read_text(encoding="utf-8").endswith("\n".join(markdown(compared)) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [("raspberry-pi-4", "fp32"), ("raspberry-pi-5", "fp32"), ("rtx-3090", "fp16"), ("rtx-4090", "fp16")],
)
def test_the_catalogue_has_what_fits_best(name: str, precision: str) -> None:
    rows = [row for row in read_rows() if row.fitted and (row.device, row.precision) == (name, precision)]
    found, known = fitted(rows), device(name, precision)
    assert known is not None
    assert known.flops_per_s == pytest.approx(found.flops_per_s, rel=PERCENT)
    assert known.memory_bandwidth == pytest.approx(found.memory_bandwidth, rel=PERCENT)
