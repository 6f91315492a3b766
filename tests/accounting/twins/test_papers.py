"""The twins in the symbols of the field, against the forms of the reference, written out by hand."""

from __future__ import annotations

import pytest

from simulator.accounting.twins.papers import Symbols, fl, sfl, sfprompt

K, N, U, GAMMA, Q, BF = 7, 130, 3, 0.5, 151296, 4
H, B, T, P = 743424, 78_000_000, 9226, 3840
CH, CB, CT, CP = 2.3e8, 3.4e10, 1.5e4, 1.1e7
PC, PS, R = 4.05e9, 3.3e13, 2.5e6
S = Symbols(K, N, U, GAMMA, Q, H, B, T, P, CH, CB, CT, CP, PC, PS, R, BF)


def figures(twin: object) -> list[float]:
    return [getattr(twin, key) for key in ("seconds", "device_flops", "server_flops")] + [
        twin.bytes_up + twin.bytes_down  # type: ignore[attr-defined]
    ]


def test_fl() -> None:
    work, model = 3 * (CH + CB + CT) * N * U, H + B + T
    assert figures(fl(S)) == pytest.approx([work / PC + 2 * model * BF / R, K * work, 0, 2 * model * BF * K], rel=1e-12)


def test_sfl() -> None:
    work, server = 3 * (CH + CT) * N * U, 3 * CB * N * U * K
    latency = work / PC + 4 * Q * N * U * BF / R + server / PS + 2 * (H + T) * BF / R
    communication = (4 * Q * N * U * BF + 2 * (H + T) * BF) * K
    assert figures(sfl(S)) == pytest.approx([latency, K * work, server, communication], rel=1e-12)


def test_sfprompt() -> None:
    work = U * N * (CH + 3 * CT + CP) + N * (CH + CT) + GAMMA * N * (CH + 3 * CT + CP)
    server = GAMMA * N * K * CB * 2
    latency = work / PC + 4 * Q * GAMMA * N * BF / R + server / PS + 2 * (T + P) * BF / R
    communication = (4 * Q * GAMMA * N * BF + 2 * (T + P) * BF) * K
    assert figures(sfprompt(S)) == pytest.approx([latency, K * work, server, communication], rel=1e-12)


def test_where_sfprompt_sends_as_much_as_fl() -> None:
    """Derived: with ViT-B/16 and a tail of nothing, at gamma n = |W| / (2 q) = 284 samples."""
    model = 85.8e6
    bare = S._replace(head=0, body=model, tail=0, prompts=0, cut_floats=197 * 768, kept=1.0)
    few, many = (bare._replace(samples=samples) for samples in (283, 284))
    assert sfprompt(few).bytes_up < fl(few).bytes_up
    assert sfprompt(many).bytes_up > fl(many).bytes_up
