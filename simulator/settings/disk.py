"""One error for what cannot be written, whichever library was writing: it names the file and says why in words."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simulator.settings import interrupts
from simulator.settings.errors import MessageError
from simulator.settings.printable import cut, printable

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is used up",
    errno.EFBIG: "the file is larger than files may be there",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "you may not write there",
    errno.EPERM: "you may not write there",
    errno.ENOENT: "its folder is not there, or no longer",
    errno.ENOTDIR: "what should be its folder is a file",
    errno.EISDIR: "it is a folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its symbolic links lead round in a circle",
    errno.EIO: "the disk reports an error",
    errno.EILSEQ: "its name is not text in the encoding of this system",
    errno.ENXIO: "it is neither a file nor a folder",
}
_NEVER_OURS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO}
"""Errors that say something of the disk or of a name wherever they come up, and never of a defect of ours."""
_NUMBER = re.compile(r"\b(?:os error |errno |os \{ code: )(\d+)", re.IGNORECASE)
"""How Arrow and Rust write the number of an error into its text."""
_FOREIGN = ("torch", "safetensors", "safetensors_rust", "pyarrow", "PIL")
_TRIED_BYTES = 1 << 16
_LONGEST = 200
"""The most characters of a path in a message."""


class CannotWriteError(MessageError, OSError):
    """A file or a folder that cannot be written; its text names it and says why.

    It has what every ``OSError`` has: ``errno``, ``strerror`` and ``filename``.
    """

    def __init__(self, number: int, strerror: str, filename: str) -> None:
        super().__init__(number, strerror, filename)

    def __str__(self) -> str:
        return f"{shown_path(str(self.filename))} cannot be written: {reason(self)}"


def reason(error: OSError) -> str:
    """Return why something cannot be written, in words.

    >>> reason(OSError(28, "No space left on device"))
    'the disk is full'
    """
    return _REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def shown_path(path: str) -> str:
    """Return a path for a message: cut in the middle if it is very long, and with no byte that is not text."""
    return cut(printable(path), _LONGEST)


def check_place(path: Path) -> None:
    """Check that a file or a folder could be written at a path, or is there.

    Raises:
        CannotWriteError: its name can never be used, or something else than a file or a folder is in its place.
    """
    number: int | None = None
    if not _is_text(os.path.abspath(path)):
        number = errno.EILSEQ
    else:
        try:
            mode = os.stat(path).st_mode
            number = None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else errno.ENXIO
        except FileNotFoundError:
            return
        except OSError as error:
            number = error.errno
    if number:
        raise CannotWriteError(number, os.strerror(number), str(path))


def _is_text(name: str) -> bool:
    """Return whether a name can be written in UTF-8, as other libraries want it, and in the system's encoding."""
    try:
        return bool(name.encode("utf-8") and name.encode(sys.getfilesystemencoding()))
    except UnicodeEncodeError:
        return False


def is_a_users(error: OSError) -> bool:
    """Return whether an error is for a user to mend, wherever it came up: a full disk, a name that is too long."""
    return isinstance(error, CannotWriteError) or error.errno in _NEVER_OURS


def told(error: OSError, what: str = "") -> str:
    """Return the message of an error for a user.

    Args:
        error: the error.
        what: what could not be written, such as "the run folder"; empty: the file is named alone.
    """
    name = error.filename
    where = shown_path(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else ""
    why = reason(error) if is_a_users(error) else error.strerror or str(error)
    if not what and where and not isinstance(error, CannotWriteError):
        return f"{where}: {why}"
    named = f" ({where})" if what and where else ""
    return f"{what or where or 'a file'} cannot be written: {why}{named}"


@contextmanager
def written(path: Path, partial: Path | None = None) -> Iterator[None]:
    """Report whatever keeps a file from being written, within this context, as an error that names the file.

    Libraries raise errors of their own for a full disk, most without the file's name and some without a reason.

    Args:
        path: the file.
        partial: the temporary file that will take its name, or a folder that will; None: the file itself is written.

    Raises:
        CannotWriteError: the file cannot be written.
    """
    interrupts.wrote()
    try:
        yield
    except Exception as error:
        raise_located(error, path, partial)
        raise


def raise_located(error: Exception, path: Path, partial: Path | None = None) -> None:
    """Raise ``CannotWriteError`` if an error says that a file cannot be written; otherwise do nothing.

    Args:
        error: what was raised while the file was being written.
        path: the file.
        partial: as for ``written``.
    """
    if isinstance(error, OSError) and error.errno and error.filename is not None:
        name = _final(os.fsdecode(error.filename), path, partial)
        if name is not None:
            raise CannotWriteError(error.errno, os.strerror(error.errno), name) from error
    elif number := _number(error, partial or path):
        raise CannotWriteError(number, os.strerror(number), str(path)) from error


def _final(name: str, path: Path, partial: Path | None) -> str | None:
    """Return the name that a file would have had in the end; None if it has nothing to do with ``path``."""
    at, to = os.path.abspath(name), os.path.abspath(path)
    if partial is not None:
        hidden = os.path.abspath(partial)
        if at == hidden or at.startswith(hidden + os.sep):
            return str(path) + at[len(hidden) :]
        if os.path.dirname(at) == os.path.dirname(hidden) and os.path.basename(at).startswith("."):
            return str(path)  # another temporary file for the same one, such as that of safetensors
    return name if at == to or to.startswith(at.rstrip(os.sep) + os.sep) or at.startswith(to + os.sep) else None


def _number(error: Exception, path: Path) -> int | None:
    """Return the number of the system's error behind another; None if there is none that has to do with a file.

    Args:
        error: what a library raised.
        path: the file that it was writing.
    """
    if isinstance(error, UnicodeEncodeError) and not _is_text(os.path.abspath(path)):
        return errno.EILSEQ
    if isinstance(error, OSError):
        return error.errno if error.errno in _REASONS and error.filename is None else None
    if type(error).__module__.partition(".")[0] not in _FOREIGN and not isinstance(error, RuntimeError):
        return None
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, OSError) and behind.errno in _REASONS and behind.filename is None:
            return behind.errno
        behind = behind.__cause__ or behind.__context__
    if match := _NUMBER.search(str(error)):
        return int(match[1])
    return _tried(path.parent)  # torch says but that a position is not as it expected


def _tried(folder: Path) -> int | None:
    """Return the number of the error with which a file in a folder cannot be written; None if one can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        return error.errno
    return None
