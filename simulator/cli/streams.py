"""Standard output and standard error that take whatever is written, for a command that must not end over its words."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from simulator.settings.printable import PLAIN

CLOSED_PIPE = 141
"""The exit status where nobody reads on: 128 and the number of SIGPIPE, as of other programs."""
_ERRORS = "sfsim"
"""The name of what replaces the characters that an encoding lacks."""


@contextmanager
def standard_streams() -> Iterator[None]:
    """Keep output from ending a command, within this context.

    Characters that the terminal lacks are replaced. When nobody reads standard output any more (``| head -1``), or when
    it cannot be written, the command goes on without a word; at its end the exit status tells, if it is not an error
    already.
    """
    codecs.register_error(_ERRORS, _replaced)
    _take_closed()
    out, _ = (_wrapped(name) for name in ("stdout", "stderr"))
    try:
        yield
    except SystemExit as end:
        if out and not end.code and (status := out.status()):
            raise SystemExit(status) from None
        raise
    finally:
        with suppress(Exception):
            sys.stdout.flush()


class _Forgiving(io.RawIOBase):
    """A stream that drops what is written to it from the first error on.

    Args:
        number: its file descriptor.
        name: what Python calls it.

    Attributes:
        failed: the error's number; None: there was none.
    """

    mode = "wb"

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self.failed: int | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.number

    def isatty(self) -> bool:
        return self.failed is None and os.isatty(self.number)

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        left = memoryview(data).cast("B")
        while len(left) and self.failed is None:
            try:
                left = left[os.write(self.number, left) :]
            except BlockingIOError:
                select.select([], [self.number], [])
            except OSError as error:
                self.failed = error.errno or errno.EIO
        return memoryview(data).nbytes

    def status(self) -> int:
        """Return the exit status of a command whose output this is, and say on standard error what is not usual."""
        with suppress(Exception):
            sys.stdout.flush()
        if self.failed in (None, errno.EPIPE):
            return CLOSED_PIPE if self.failed else 0
        from simulator.settings.disk import reason

        why = reason(OSError(self.failed, os.strerror(self.failed or 0)))
        print(f"sfsim: not all output could be written: {why}; files are complete", file=sys.stderr)
        return 1


def _take_closed() -> None:
    """Open what is closed of the three standard files, or the next file that is opened would take its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            while (opened := os.open(os.devnull, os.O_RDWR)) < number:
                pass
            if getattr(sys, name) is None:
                setattr(sys, name, open(opened, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _wrapped(name: str) -> _Forgiving | None:
    """Put a stream that forgives in the place of a standard one; leave those alone that are no files of the system."""
    stream: TextIO = getattr(sys, name)
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED there is nothing between
    if isinstance(raw, _Forgiving):
        return raw
    if not isinstance(raw, io.FileIO):
        return None
    with suppress(OSError, ValueError):
        stream.flush()
    forgiving = _Forgiving(stream.fileno(), stream.name)
    text = io.TextIOWrapper(
        forgiving if buffer is raw else io.BufferedWriter(forgiving),  # type: ignore[type-var]
        encoding=stream.encoding,
        errors=_ERRORS,
        line_buffering=name == "stderr" or stream.isatty(),
        write_through=buffer is raw,
    )
    setattr(sys, name, text)
    return forgiving


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an encoding lacks: similar ones, or else their escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    escapes = (PLAIN.get(one) or one.encode("ascii", "backslashreplace").decode("ascii") for one in lacking)
    return "".join(escapes), error.end
