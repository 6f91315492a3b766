"""First rounds, with devices that are new, apart from later ones."""

from __future__ import annotations

from simulator.accounting.columns.uses import totals_of
from simulator.accounting.ledger import EngagementRow, Ledger, RoundRow
from simulator.accounting.use import Use
from simulator.experiments.run.round_costs import round_costs


def sent(side: str, round: int, nbytes: int) -> Use:
    """What a side sends in a round."""
    return Use(side, side, "exchange", "upload", round, 0.0, 1.0, nbytes, 0, 0.0)


class Outcome:
    """A trial of which only engagements, rounds and bytes are known.

    Args:
        rounds: for each round its cohort, its seconds and what it sends, in bytes.
    """

    def __init__(self, *rounds: tuple[str, float, int]) -> None:
        self.ledger, uses, start = Ledger(), list[Use](), 0.0
        for number, (cohort, seconds, nbytes) in enumerate(rounds, 1):
            self.ledger.rounds.add(RoundRow(number, start, seconds, len(cohort)))
            for client in cohort:
                self.ledger.engagements.add(EngagementRow(client, number, start, seconds))
            uses.append(sent("client", number, nbytes))
            uses.append(sent("server", number, 10**9))
            start += seconds
        self.totals = totals_of(uses)


def test_a_round_is_later_once_all_its_devices_took_part_before() -> None:
    outcome = Outcome(("ab", 10.0, 100), ("bc", 20.0, 200), ("ac", 4.0, 30), ("ab", 6.0, 50))
    assert round_costs(outcome) == {
        "first_rounds": 2,
        "first_round_s": 15.0,
        "later_round_s": 5.0,
        "first_round_bytes": 150,
        "later_round_bytes": 40,
    }


def test_without_a_later_round_there_is_no_mean_of_them() -> None:
    found = round_costs(Outcome(("a", 10.0, 100), ("b", 20.0, 200)))
    assert (found["first_rounds"], found["later_round_s"], found["later_round_bytes"]) == (2, None, None)


def test_the_first_round_of_all_is_a_first_one_whoever_takes_part() -> None:
    found = round_costs(Outcome(("", 10.0, 100), ("", 5.0, 0)))
    assert (found["first_rounds"], found["first_round_s"], found["later_round_s"]) == (1, 10.0, 5.0)


def test_a_trial_without_rounds_has_none() -> None:
    assert set(round_costs(Outcome()).values()) == {0, None}
