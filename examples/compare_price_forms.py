"""Which form of the price predicts rows best that it was not fitted to? (docs/fidelity.md)

Each form has two numbers a device, fitted to the same rows in the same way. To run it takes some minutes:

    .venv/bin/python examples/compare_price_forms.py
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from statistics import median

from simulator.accounting.costs import Cost
from simulator.experiments.evidence.fidelity import compare
from simulator.experiments.evidence.fitting import fit
from simulator.experiments.evidence.predicting import cost_of, device
from simulator.experiments.evidence.rows import read_rows

Form = Callable[[Cost, float, float, bool], float]
"""From a cost, FLOP/s, bytes/s, and whether the device is a processor, to seconds."""


def copied(cost: Cost) -> int:
    """Bytes that convolutions copy on processors."""
    return sum(piece.operations.copied for piece in cost.made_of if piece.operations)


def by_operation(cost: Cost, rate: float, bandwidth: float, cpu: bool) -> float:
    """Each operation takes the longer of both."""
    alone = [piece for piece in cost.made_of if piece.operations is None]
    pieces = [piece.operations.seconds(rate, bandwidth, cpu) for piece in cost.made_of if piece.operations]
    return sum(pieces) + sum(piece.bytes_touched for piece in alone) / bandwidth


FORMS: dict[str, Form] = {
    "sum": lambda cost, rate, bandwidth, cpu: cost.flops / rate + (cost.bytes_touched + cpu * copied(cost)) / bandwidth,
    "one maximum": lambda cost, rate, bandwidth, cpu: max(
        cost.flops / rate, (cost.bytes_touched + cpu * copied(cost)) / bandwidth
    ),
    "a maximum for each operation": by_operation,
    "the same, without copies": lambda cost, rate, bandwidth, cpu: by_operation(cost, rate, bandwidth, cpu=False),
}


def main() -> None:
    """Print the errors of each form, by device."""
    groups = defaultdict(list)
    for row in compare(read_rows()):
        if row.used in ("fitted", "held out"):
            groups[row.row.device, row.row.precision].append(row)
    for (name, precision), rows in groups.items():
        known = device(name, precision)
        assert known is not None
        costs = [(cost, row.measured, row.used) for row in rows if (cost := cost_of(row.row))]
        for label, form in FORMS.items():
            seconds = partial(form, cpu=known.copies)
            like = [(cost, s) for cost, s, used in costs if used == "fitted"]
            numbers = fit(seconds, like, known.flops_per_s, known.memory_bandwidth / known.width)
            off = {
                kind: [abs(seconds(cost, *numbers) / s - 1) for cost, s, used in costs if used == kind]
                for kind in ("fitted", "held out")
            }
            words = (f"{kind} {median(e):.1%} (worst {max(e):.1%}, {len(e)})" for kind, e in off.items())
            print(f"{name} {precision}  {label:30} {'  '.join(words)}", flush=True)


if __name__ == "__main__":
    main()
