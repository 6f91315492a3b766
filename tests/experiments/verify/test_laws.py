"""Works while a site is away are found, all of them, as when each is compared with each absence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.accounting.ledger import AbsenceRow, Ledger, WorkRow
from simulator.experiments.verify.laws import RESOLUTION, laws

MOMENTS = st.tuples(st.integers(0, 12), st.integers(0, 5))
PLACES = st.tuples(st.sampled_from(["a", "b", "c"]), MOMENTS)


@given(works=st.lists(PLACES, max_size=12), absences=st.lists(PLACES, max_size=8))
def test_works_of_sites_that_are_away(
    works: list[tuple[str, tuple[int, int]]], absences: list[tuple[str, tuple[int, int]]]
) -> None:
    ledger, end = Ledger(), 20.0
    expected = 0
    for site, (start, seconds) in works:
        ledger.works.add(WorkRow(site, None, "train", "training", 1, start, start, seconds, 0, 0))
        for other, (begin, lasting) in absences:
            overlap = min(start + seconds, begin + lasting) - max(start, begin)
            expected += site == other and overlap > RESOLUTION * end
    for site, (begin, lasting) in absences:
        ledger.absences.add(AbsenceRow(site, begin, lasting))
    assert len(dict(laws(ledger, end, 0, {}))["absences"]) == expected
