"""What a trial costs, by hand and by laws."""

from __future__ import annotations

from math import fsum
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.accounting.ledger import EngagementRow, Ledger, RoundRow
from simulator.accounting.prices import Charge, Prices, charges, gpu_seconds, held_usd
from tests.helpers.bills import POWER, ledger_of, sent, used, work
from tests.helpers.spans import length


def bill(ledger: Ledger, end: float = 10, start: float = 0, **prices: Any) -> list[Charge]:
    return charges(ledger, used(ledger, end, start), Prices(**prices), start, end)


def table(found: list[Charge]) -> dict[tuple[str, str, str, str], float]:
    """The sums by payer, group, phase and item."""
    sums: dict[tuple[str, str, str, str], float] = {}
    for row in found:
        key = row.payer, row.group, row.phase, row.item
        sums[key] = sums.get(key, 0) + row.usd
    return sums


def test_what_has_no_price_is_no_charge() -> None:
    rows = work("server", 0, 2), sent("phone", "server", 2, 3), EngagementRow("phone", 1, 0, 3)
    assert bill(ledger_of(*rows)) == []


def test_a_held_gpu_is_paid_while_it_computes_and_while_it_is_idle() -> None:
    ledger = ledger_of(work("server", 1, 3), work("server", 4, 5, "folding"), gpus=2)
    assert table(bill(ledger, gpu={"server": 3.0})) == {
        ("operator", "a100", "training", "GPU hours"): 6,
        ("operator", "a100", "folding", "GPU hours"): 3,
        ("operator", "a100", "idle", "GPU hours"): 3 * (2 * 10 - 3),
    }


def test_a_gpu_that_is_paid_by_use_costs_nothing_while_idle() -> None:
    ledger = ledger_of(work("server", 1, 3), work("server", 4, 5, "folding"), gpus=2)
    assert table(bill(ledger, gpu={"server": 3.0}, held=False)) == {
        ("operator", "a100", "training", "GPU hours"): 6,
        ("operator", "a100", "folding", "GPU hours"): 3,
    }


def test_the_gpus_of_edge_servers_are_paid_by_whom_they_belong_to() -> None:
    ledger = ledger_of(work("edge", 1, 3))
    assert table(bill(ledger, gpu={"edge": 0.5}, held=False)) == {("edge", "nuc", "training", "GPU hours"): 1}


def test_works_that_share_a_gpu_pay_for_their_shares() -> None:
    shared = (work("server", 0, 4, phase, share=0.5, batch=1) for phase in ("training", "folding"))
    found = table(bill(ledger_of(*shared), gpu={"server": 1.0}, held=False))
    assert list(found.values()) == [2, 2]


def test_two_slots_of_a_gpu_divide_the_seconds_in_which_both_are_busy() -> None:
    """A from 0 to 4 and B from 3 to 9: 3 s of A alone, 1 s of both, 5 s of B alone."""
    ledger = ledger_of(work("server", 0, 4, "A"), work("server", 3, 9, "B"), slots=2)
    assert {row.phase: seconds for row, seconds in gpu_seconds(ledger, {"server"})} == {"A": 3.5, "B": 5.5}


def test_a_work_without_a_share_of_its_gpu_takes_no_second_of_it() -> None:
    """A work set aside in the moment in which it began, alone from 0 to 1 and from 3 to 4, and beside B from 1 to 3."""
    ledger = ledger_of(work("server", 0, 4, "A", share=0.0), work("server", 1, 3, "B"), slots=2)
    assert {row.phase: seconds for row, seconds in gpu_seconds(ledger, {"server"})} == {"A": 0, "B": 2}


def test_who_sends_and_receives_pays_for_all_bytes_that_crossed() -> None:
    """Bytes that were lost are among those of a transfer."""
    ledger = ledger_of(
        sent("server", "phone", 0, 1, 1000, lost=400),
        sent("phone", "server", 1, 2, 200),
        sent("tablet", "server", 1, 2, 30),
        sent("server", "edge", 2, 3, 5),
    )
    prices = {"egress": 3.0, "ingress": 2.0, "cellular": {"phones": 7.0}}
    assert table(bill(ledger, **prices)) == {
        ("operator", "a100", "exchange", "egress"): 3 * 1005,
        ("operator", "a100", "exchange", "ingress"): 2 * 230,
        ("devices", "phones", "exchange", "cellular"): 7 * 1200,
    }


def test_electricity_is_paid_where_it_is_drawn() -> None:
    """The phone is engaged for 4 s and computes for 2: 4 x 1 + 2 x 4 J; the server is idle for 10 s, the edge too."""
    ledger = ledger_of(work("phone", 0, 2), EngagementRow("phone", 1, 0, 4), RoundRow(1, 0, 10))
    assert table(bill(ledger, electricity={"server": 2.0, "device": 3.0})) == {
        ("devices", "phones", "training", "electricity"): 3 * 8,
        ("devices", "phones", "idle", "electricity"): 3 * 4,
        ("operator", "a100", "idle", "electricity"): 2 * 1000,
    }


def test_held_gpus_cost_the_same_whatever_they_do() -> None:
    assert held_usd(ledger_of(gpus=3), Prices({"server": 2.0, "edge": 1.0}), 5) == 3 * 2 * 5 + 3 * 1 * 5
    assert held_usd(ledger_of(gpus=3), Prices({"server": 2.0}, held=False), 5) == 0


quarters = st.integers(0, 40).map(lambda quarter: quarter / 4)
busy = st.lists(st.tuples(quarters, quarters, st.integers(0, 1), st.sampled_from(["A", "B"])), max_size=12)


@given(busy, st.integers(2, 3))
def test_held_gpus_and_their_idle_time_add_up(times: list[Any], slots: int) -> None:
    """Of each GPU the busy seconds are the length of the union of its works; with the rest it is the whole time."""
    rows = [work("server", a, a + b, phase, gpu=gpu) for a, b, gpu, phase in times]
    ledger = ledger_of(*rows, gpus=2, slots=slots)
    union = sum(length([(a, a + b) for a, b, gpu, _ in times if gpu == index]) for index in (0, 1))
    assert fsum(seconds for _, seconds in gpu_seconds(ledger, {"server"})) == pytest.approx(union, rel=1e-12, abs=1e-12)
    total = fsum(row.usd for row in bill(ledger, 20, gpu={"server": 0.3}))
    assert total == pytest.approx(2 * 20 * 0.3, rel=1e-12)


def by_rows(ledger: Ledger, prices: Prices) -> list[Charge]:
    """What the bytes of a ledger cost, row by row."""
    sites = {row.name: row for row in ledger.sites}
    sizes: dict[tuple[str, str, str, int], int] = {}
    for row in ledger.transfers:
        key = row.source, row.target, row.phase, row.round
        sizes[key] = sizes.get(key, 0) + row.bytes
    usd: dict[tuple[str, str, str, str, int], list[float]] = {}
    for (source, target, phase, round), size in sizes.items():
        for site, item, price in ((sites[source], "egress", prices.egress), (sites[target], "ingress", prices.ingress)):
            cellular = prices.cellular.get(site.group, 0.0)
            payer, own, paid = ("operator", item, price) if site.role == "server" else ("devices", "cellular", cellular)
            if site.role != "edge" and paid * size:
                usd.setdefault((payer, site.group, phase, own, round), []).append(paid * size)
    return [Charge(*key, fsum(amounts)) for key, amounts in usd.items()]


def test_traffic_in_columns_costs_what_it_does_row_by_row_to_the_digit_and_in_the_same_order() -> None:
    rng = Random(1)
    names = list(POWER)
    rows = []
    for _ in range(400):
        source, target = rng.sample(names, 2)
        row = sent(source, target, 0, 1, rng.choice((0, 7, rng.randrange(2**40))))
        rows.append(row._replace(phase=rng.choice(("exchange", "upload")), round=rng.randrange(4)))
    prices = Prices(egress=0.09e-9, ingress=0.01e-9, cellular={"phones": 3e-9, "tablets": 5e-9})
    ledger = ledger_of(*rows)
    assert charges(ledger, [], prices, 0, 1) == by_rows(ledger, prices) != []
