"""Which form of the price predicts rows best that it was not fitted to? (docs/fidelity.md)

Each form has two numbers a device, fitted to the same rows in the same way. To run it takes some minutes:

    .venv/bin/python examples/compare_price_forms.py
"""

from collections import defaultdict
from collections.abc import Callable
from math import exp, log
from statistics import fmean, median

from scipy.optimize import minimize

from simulator.accounting.costs import Cost
from simulator.experiments.evidence.fidelity import compare
from simulator.experiments.evidence.predicting import cost_of, device
from simulator.experiments.evidence.rows import read_rows
from simulator.world.hardware import Hardware

Form = Callable[[Cost, float, float, bool], float]
"""From a cost, FLOP/s, bytes/s, and whether the device is a processor, to seconds."""


def copied(cost: Cost) -> int:
    """Bytes that convolutions copy on processors."""
    return sum(piece.operations.copied for piece in cost.made_of if piece.operations)


def by_operation(cost: Cost, rate: float, bandwidth: float, copies: bool) -> float:
    """Each operation takes the longer of both."""
    alone = [piece for piece in cost.made_of if piece.operations is None]
    pieces = [piece.operations.seconds(rate, bandwidth, copies) for piece in cost.made_of if piece.operations]
    return sum(pieces) + sum(piece.bytes_touched for piece in alone) / bandwidth


FORMS: dict[str, Form] = {
    "sum": lambda cost, rate, bandwidth, cpu: cost.flops / rate + (cost.bytes_touched + cpu * copied(cost)) / bandwidth,
    "one maximum": lambda cost, rate, bandwidth, cpu: max(
        cost.flops / rate, (cost.bytes_touched + cpu * copied(cost)) / bandwidth
    ),
    "a maximum for each operation": by_operation,
    "the same, without copies": lambda cost, rate, bandwidth, cpu: by_operation(cost, rate, bandwidth, copies=False),
}


def best(form: Form, rows: list[tuple[Cost, float]], known: Hardware) -> tuple[float, float]:
    """The rate and the bandwidth with which a form fits rows best."""

    def error(logs: tuple[float, float]) -> float:
        numbers = exp(logs[0]), exp(logs[1])
        return fmean(abs(log(form(cost, *numbers, known.copies) / seconds)) ** 1.5 for cost, seconds in rows)

    start = log(known.flops_per_s), log(known.memory_bandwidth / known.width)
    starts = [start, (start[0] - 0.7, start[1] - 0.7), (start[0] + 0.7, start[1] + 0.7)]
    found = min((minimize(error, at, method="Nelder-Mead") for at in starts), key=lambda result: float(result.fun))
    return exp(found.x[0]), exp(found.x[1])


def main() -> None:
    """Print the errors of each form, by device."""
    groups = defaultdict(list)
    for row in compare(read_rows()):
        if row.predicted is not None:
            groups[row.row.device, row.row.precision].append(row)
    for (name, precision), rows in groups.items():
        known = device(name, precision)
        assert known is not None
        costs = [(cost, row.measured, row.used) for row in rows if (cost := cost_of(row.row))]
        for label, form in FORMS.items():
            numbers = best(form, [(cost, s) for cost, s, used in costs if used == "fitted"], known)
            off = {
                kind: [abs(form(cost, *numbers, known.copies) / s - 1) for cost, s, used in costs if used == kind]
                for kind in ("fitted", "held out")
            }
            words = (f"{kind} {median(e):.1%} (worst {max(e):.1%}, {len(e)})" for kind, e in off.items())
            print(f"{name} {precision}  {label:30} {'  '.join(words)}", flush=True)


if __name__ == "__main__":
    main()
