"""What is wasted: by hand on a few rows, and the laws that hold in every world."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting import tables
from simulator.accounting.ledger import AttemptRow, EngagementRow, Ledger, TransferRow, WorkRow
from simulator.accounting.power import Power
from simulator.accounting.usage import uses
from simulator.accounting.waste import RETRANSMITTED, Waste, lost_updates, marked, total, waste, waste_by_reason

DEVICE, SERVER = Power(idle=1, compute=5, upload=4, download=3), Power(idle=10, compute=110, upload=30, download=20)
POWER = {"server": SERVER, "a": DEVICE, "b": DEVICE}
CLIENTS = ["a", "b"]


def computed(
    client: str | None, start: float, seconds: float, site: str = "", attempt: int = 1, why: str = ""
) -> WorkRow:
    site = site or str(client)
    return WorkRow(site, client, "train", "training", 1, start, start, seconds, 7, 0, attempt, bool(why), why)


def sent(
    client: str, start: float, seconds: float, up: bool = True, lost: int = 0, kind: str = "model", why: str = ""
) -> TransferRow:
    ends = (client, "server") if up else ("server", client)
    return TransferRow(*ends, client, kind, "model exchange", 1, start, seconds, 100, lost, 0.25, 1, why)


def attempt(client: str, why: str, number: int = 1) -> AttemptRow:
    return AttemptRow(client, number, 0, 0.0, 9.0, 0 if why else 1, 0, why)


def made(*rows: Any) -> Ledger:
    ledger = Ledger()
    tables = {WorkRow: ledger.works, TransferRow: ledger.transfers, AttemptRow: ledger.attempts}
    for row in rows:
        tables[type(row)].add(row)  # type: ignore[arg-type]
    return ledger


def of(*rows: Any) -> dict[str, Waste]:
    return waste_by_reason(made(*rows), POWER, CLIENTS)


def test_the_rows_of_a_lost_attempt_have_its_reason() -> None:
    ledger = made(attempt("a", "late"), attempt("b", ""), computed("a", 0, 1), computed("b", 0, 1), sent("a", 1, 1))
    works, transfers = marked(ledger)
    assert [(row.lost, row.reason) for row in works] == [(True, "late"), (False, "")]
    assert [(row.lost, row.reason) for row in transfers] == [(0, "late")]
    assert [row.reason for row in ledger.works] == ["", ""], "the ledger itself is not changed"


def test_other_attempts_of_the_same_client_and_works_for_nobody_are_left_alone() -> None:
    works, _ = marked(made(attempt("a", "late", number=2), computed("a", 0, 1), computed(None, 0, 1, "server", 0)))
    assert [row.reason for row in works] == ["", ""]


def test_a_reason_that_is_there_stays() -> None:
    works, transfers = marked(
        made(attempt("a", "late"), computed("a", 0, 1, why="battery"), sent("a", 0, 1, why="left"))
    )
    assert [row.reason for row in (*works, *transfers)] == ["battery", "left"]


def test_frozen_weights_that_arrived_are_of_use_to_later_attempts() -> None:
    frozen = [sent("a", 0, 1, up=False, kind="frozen weights", why=why) for why in ("", "left")]
    _, transfers = marked(made(attempt("a", "late"), *frozen))
    assert [row.reason for row in transfers] == ["", "left"]


def test_nothing_is_copied_where_no_update_was_lost() -> None:
    ledger = made(attempt("a", ""), computed("a", 0, 1))
    assert marked(ledger).works is ledger.works


def test_rows_are_marked_the_same_whether_they_are_packed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [attempt("a", "late"), attempt("b", "left")]
    rows += [computed(name, t, 1) for t in range(3) for name in "ab"] + [
        sent(name, t, 1) for t in range(3) for name in "ab"
    ]
    plain = of(*rows), [list(table) for table in marked(made(*rows))]
    monkeypatch.setattr(tables, "CHUNK", 4)
    assert (of(*rows), [list(table) for table in marked(made(*rows))]) == plain


def test_waste_by_hand() -> None:
    """Of `a`: computing 0 to 4, sending 3.25 to 6 (latency 0.25). The server: a work of 2 s, and receiving 2.75 s."""
    in_vain = computed("a", 0, 4), sent("a", 3, 3), computed("a", 6, 2, "server")
    found = of(attempt("a", "late"), attempt("b", ""), *in_vain, computed("b", 0, 4), sent("b", 4, 3))
    device = 1 * 6 + 4 * 4 + 3 * 2.75
    server = 100 * 2 + 10 * 2.75
    assert found == {"late": Waste(6, 100, 14, device + server)}


def test_a_download_in_vain() -> None:
    assert of(attempt("a", "left"), sent("a", 0, 2.25, up=False)) == {"left": Waste(2, 100, 0, 2 * (1 + 2) + 2 * 20)}


def test_transfers_that_share_a_link_make_it_busy_once() -> None:
    found = of(attempt("a", "late"), attempt("b", "late"), sent("a", 0, 2.25), sent("b", 0, 2.25))
    assert found == {"late": Waste(4, 200, 0, 2 * 2 * (1 + 3) + 2 * 10)}


def test_time_that_is_wasted_for_two_reasons_belongs_to_the_first() -> None:
    found = of(computed("a", 0, 4, why="late"), sent("a", 1.75, 4, why="left"))
    assert {why: lost.device_seconds for why, lost in found.items()} == {"late": 4, "left": 1.75}


def test_what_is_unfinished_is_no_waste() -> None:
    assert of(attempt("a", "unfinished"), computed("a", 0, 4), sent("a", 4, 1, lost=100, why="unfinished")) == {}


def test_the_share_of_a_transfer_that_was_sent_again_is_in_vain_at_both_ends() -> None:
    found = of(sent("a", 0, 10.25, lost=30), sent("a", 20, 1, lost=100, why="left"))
    assert found[RETRANSMITTED] == pytest.approx(Waste(3, 30, 0, 3 * 4 + 3 * (20 - 10)))


def test_of_transfers_that_share_a_link_the_link_sends_again_that_share_of_its_time() -> None:
    """The server receives for 14 s; 10 % is sent again, of each device's 10 s as well."""
    found = of(sent("a", 0, 10.25, lost=10), sent("b", 4, 10.25, lost=10))
    assert found[RETRANSMITTED] == pytest.approx(Waste(2, 20, 0, 2 * 4 + 1.4 * (20 - 10)))


def test_what_was_received_without_loss_meanwhile_is_not_in_vain() -> None:
    """The link of the server belongs to `a` until 10.25, then to `b`, which loses nothing."""
    found = of(sent("a", 0, 10.25, lost=10), sent("b", 4, 10.25))
    assert found[RETRANSMITTED] == pytest.approx(Waste(1, 10, 0, 4 + 10))


def test_lost_updates_are_counted_by_reason() -> None:
    rows = [attempt("a", why, number) for number, why in enumerate(["late", "", "left", "late", "unfinished"])]
    assert lost_updates(made(*rows)) == {"late": 2, "left": 1, "unfinished": 1}


reasons = st.sampled_from(["", "", "late", "left", "unfinished"])
eighths = st.integers(0, 80).map(lambda number: number / 8)
kinds = st.sampled_from(["compute", "serve", "up", "down"])
acts = st.lists(st.tuples(kinds, st.sampled_from("ab"), eighths, eighths, st.integers(0, 100)))


@settings(deadline=None)
@given(acts=acts, lost=st.tuples(reasons, reasons))
def test_waste_is_at_most_all_that_was_used_and_is_the_sum_over_reasons(acts: Any, lost: tuple[str, str]) -> None:
    ledger = made(*(attempt(client, why) for client, why in zip("ab", lost, strict=True)))
    for what, client, start, seconds, again in acts:
        if what in ("up", "down"):
            ledger.transfers.add(sent(client, start, 0.25 + seconds, what == "up", again))
        else:
            ledger.works.add(computed(client, start, seconds, "server" if what == "serve" else client))
    for client in CLIENTS:
        ledger.engagements.add(EngagementRow(client, 1, 0, 25))
    found, by_reason = waste(ledger, POWER, CLIENTS), waste_by_reason(ledger, POWER, CLIENTS)
    used = uses(ledger, POWER, CLIENTS, 0, 25)
    busy = sum(use.seconds * (1 if use.activity == "idle" else -1) for use in used
               if use.side == "client" and use.activity in ("idle", "wait"))  # fmt: skip
    joules = sum(use.energy_j for use in used)
    everything = Waste(busy, sum(use.bytes for use in used), sum(use.flops for use in used), joules)
    assert all(part <= whole + 1e-9 for part, whole in zip(found, everything, strict=True))
    assert found == pytest.approx([sum(part) for part in zip(Waste(), *by_reason.values(), strict=True)])
    if not set(lost) - {"", "unfinished"}:
        assert set(by_reason) <= {RETRANSMITTED}
    if "" not in lost and "unfinished" not in lost:
        assert found[:3] == pytest.approx(everything[:3])


def test_the_total_of_nothing_is_nothing() -> None:
    assert total([]) == Waste(0, 0, 0, 0)
