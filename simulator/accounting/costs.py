"""A work: a callable that knows its price, and what it writes, before it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """A part of a work that can be timed on a real machine: one stage, one way, for so many samples.

    Attributes:
        what: a name that is the same wherever the stage, what of it is trained and the shape of its input are.
        samples: of the batch; 1 for what does not depend on a batch.
        flops, bytes_touched: how much of the cost is this piece's.
    """

    what: str
    samples: int
    flops: int = 0
    bytes_touched: int = 0


class Cost(NamedTuple):
    """The price of a piece of work, from shapes alone.

    Costs compose: ``2 * forward + touch``. One multiply-add is two FLOPs.

    Attributes:
        flops: floating-point operations.
        bytes_touched: bytes read from and written to memory.
        peak_bytes: memory the work needs while it runs, beside the weights that lie at the site anyway.
        kept_bytes: how much more memory is taken after it than before; negative where it gives some back.
        made_of: the pieces that can be timed; what a machine's table of seconds knows it by.
    """

    flops: int = 0
    bytes_touched: int = 0
    peak_bytes: int = 0
    kept_bytes: int = 0
    made_of: tuple[Piece, ...] = ()

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]
        """One after the other: amounts add, peaks do not."""
        return Cost(
            self.flops + other.flops,
            self.bytes_touched + other.bytes_touched,
            max(self.peak_bytes, other.peak_bytes),
            self.kept_bytes + other.kept_bytes,
            self.made_of + other.made_of,
        )

    def __rmul__(self, times: int) -> Cost:  # type: ignore[override]
        """The same, ``times`` times in a row."""
        return Cost(
            times * self.flops,
            times * self.bytes_touched,
            self.peak_bytes,
            times * self.kept_bytes,
            times * self.made_of,
        )


def _nothing(*_: Any) -> None:
    return None


class Work:
    """A function or a bound method with its price; call it to do it, hand it to ``site.compute`` to pay for it too.

    Attributes:
        deferrable: it can wait: it is served where nothing else is waiting.
    """

    __slots__ = ("__wrapped__", "cost", "deferrable", "holds", "name", "run", "writes")

    def __init__(
        self,
        run: Callable[..., Any],
        cost: Callable[..., Cost],
        writes: Callable[..., object | None] = _nothing,
        holds: Callable[..., Any] = _nothing,
        name: str | None = None,
        deferrable: bool = False,
    ) -> None:
        self.run, self.cost, self.writes, self.holds, self.deferrable = run, cost, writes, holds, deferrable
        self.name = name or run.__name__
        self.__wrapped__ = run

    def __get__(self, owner: object | None, kind: type | None = None) -> Work:
        """Bind as Python binds a function: everything about a work takes the work's own arguments."""
        return self if owner is None else self.bind(owner)

    def bind(self, *first: Any) -> Work:
        """The same work with its first arguments given."""
        return Work(
            partial(self.run, *first),
            partial(self.cost, *first),
            self.writes if self.writes is _nothing else partial(self.writes, *first),
            self.holds if self.holds is _nothing else partial(self.holds, *first),
            self.name,
            self.deferrable,
        )

    def __call__(self, *args: Any) -> Any:
        return self.run(*args)

    def __repr__(self) -> str:
        return f"<work {self.name}>"


def work(
    *,
    cost: Callable[..., Cost],
    writes: Callable[..., object | None] = _nothing,
    holds: Callable[..., Any] = _nothing,
    deferrable: bool = False,
) -> Callable[[Callable[..., Any]], Work]:
    """Declare what a function or method costs. All three functions take the work's own arguments.

    Args:
        cost: the price, from shapes alone; never from the values of tensors.
        writes: the weights object it changes, by identity; None if it changes nothing.
        holds: the part whose weights lie in memory where this runs; None if it needs none.
        deferrable: it can wait: it is served where nothing else is waiting.
    """
    return lambda run: Work(run, cost, writes, holds, deferrable=deferrable)
