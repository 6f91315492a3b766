"""Works: callables whose cost, and what they write, are known before they run."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

from simulator.accounting.roofline import Operations
from simulator.settings.moved import former_arguments


class Piece(NamedTuple):
    """A part of a work that can be timed on a real machine: one stage, in one direction, for a number of samples.

    Attributes:
        what: its name, which is the same wherever the stage, the trained part of it and the shape of its input are.
        samples: the size of the batch; 1 for what does not depend on a batch. Of a mean of updates, the KiB of all.
        flops, bytes_touched: this piece's part of the cost of the work.
        operations: what it consists of; None if it is a single operation.
    """

    what: str
    samples: int
    flops: int = 0
    bytes_touched: int = 0
    operations: Operations | None = None


class Cost(NamedTuple):
    """The cost of a work, derived from shapes alone.

    Costs compose: ``2 * forward + touch``. One multiply-add is two FLOPs.

    Attributes:
        flops: floating-point operations.
        bytes_touched: bytes read from and written to memory, by each operation.
        peak_bytes: memory that the work needs while it runs, besides the weights that are at the site anyway.
        kept_bytes: how much more memory is in use after the work than before it; negative if it frees memory.
        made_of: the pieces of which it consists. They can be timed, and a machine's table of seconds is looked up by
            them. What is in no piece is one operation.
    """

    flops: int = 0
    bytes_touched: int = 0
    peak_bytes: int = 0
    kept_bytes: int = 0
    made_of: tuple[Piece, ...] = ()

    @property
    def samples(self) -> int:
        """The number of samples in the batch, as its pieces say; 1 if there are none."""
        return max((piece.samples for piece in self.made_of), default=1)

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]
        """Return the cost of one after the other: amounts are added, and the peak is the larger one."""
        return Cost(
            self.flops + other.flops,
            self.bytes_touched + other.bytes_touched,
            max(self.peak_bytes, other.peak_bytes),
            self.kept_bytes + other.kept_bytes,
            self.made_of + other.made_of,
        )

    def __rmul__(self, times: int) -> Cost:  # type: ignore[override]
        """Return the cost of doing the same ``times`` times in a row."""
        return Cost(
            times * self.flops,
            times * self.bytes_touched,
            self.peak_bytes,
            times * self.kept_bytes,
            times * self.made_of,
        )


def made_of(pieces: tuple[Piece, ...], peak_bytes: int = 0, kept_bytes: int = 0) -> Cost:
    """Return the cost of a work that consists of these pieces alone.

    Args:
        pieces: the pieces.
        peak_bytes, kept_bytes: as of a ``Cost``.
    """
    flops, touched = sum(piece.flops for piece in pieces), sum(piece.bytes_touched for piece in pieces)
    return Cost(flops, touched, peak_bytes, kept_bytes, pieces)


def _nothing(*_: Any) -> None:
    return None


class Work:
    """A function or bound method with its cost: call it to run it, pass it to ``site.compute`` to pay for it too.

    Attributes:
        run: the function itself.
        cost: returns the ``Cost``, from the arguments of the work.
        writes: returns the weights object that the work changes, or None.
        holds: returns the part whose weights are in memory while the work runs, or None.
        name: what the ledger calls the work.
        deferrable: whether the work can wait; if so, it is served only when nothing else is waiting.
        batch_key: returns what is equal for works that could share one pass at a server, or None.
    """

    __slots__ = ("__wrapped__", "batch_key", "cost", "deferrable", "holds", "name", "run", "writes")

    @former_arguments(idle="deferrable")
    def __init__(
        self,
        run: Callable[..., Any],
        cost: Callable[..., Cost],
        writes: Callable[..., object | None] = _nothing,
        holds: Callable[..., Any] = _nothing,
        name: str | None = None,
        deferrable: bool = False,
        batch_key: Callable[..., Hashable | None] = _nothing,
    ) -> None:
        self.batch_key = batch_key
        self.run, self.cost, self.writes, self.holds, self.deferrable = run, cost, writes, holds, deferrable
        self.name = name or run.__name__
        self.__wrapped__ = run

    def __get__(self, owner: object | None, kind: type | None = None) -> Work:
        """Bind as Python binds a function: cost, writes, holds and batch_key take the work's own arguments."""
        return self if owner is None else self.bind(owner)

    def bind(self, *first: Any) -> Work:
        """Return the same work with its first arguments given."""
        bound = Work.__new__(Work)  # there are many of them, and nothing is left to check
        bound.run = bound.__wrapped__ = partial(self.run, *first)
        bound.cost = partial(self.cost, *first)
        bound.writes = self.writes if self.writes is _nothing else partial(self.writes, *first)
        bound.holds = self.holds if self.holds is _nothing else partial(self.holds, *first)
        bound.batch_key = self.batch_key if self.batch_key is _nothing else partial(self.batch_key, *first)
        bound.name, bound.deferrable = self.name, self.deferrable
        return bound

    def __call__(self, *args: Any) -> Any:
        return self.run(*args)

    def __repr__(self) -> str:
        return f"<work {self.name}>"


@former_arguments(idle="deferrable")
def work(
    *,
    cost: Callable[..., Cost],
    writes: Callable[..., object | None] = _nothing,
    holds: Callable[..., Any] = _nothing,
    deferrable: bool = False,
    batch_key: Callable[..., Hashable | None] = _nothing,
) -> Callable[[Callable[..., Any]], Work]:
    """Declare the cost of a function or method; a decorator that makes a ``Work`` of it.

    The functions passed here take the work's own arguments.

    Args:
        cost: returns the cost, derived from shapes alone, never from the values of tensors.
        writes: returns the weights object that the work changes, compared by identity; None if it changes nothing.
        holds: returns the part whose weights are in memory where the work runs; None if it needs none.
        deferrable: whether the work can wait; if so, it is served only when nothing else is waiting.
        batch_key: returns what is equal for works that could share one pass at a server: the same computation, with the
            same frozen weights, for samples of the same shape. None if the work cannot share a pass. A shared pass
            changes what is charged, never what is computed.
    """
    return lambda run: Work(run, cost, writes, holds, deferrable=deferrable, batch_key=batch_key)
