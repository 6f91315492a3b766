"""What a worker of Ray does with an item, and what it checks before the first."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from simulator.experiments.executors.folders import WritesFolders, is_shared, packed
from simulator.experiments.executors.worker_memory import lean, settle
from simulator.settings.base import Settings

_PLACE = "sfsim-worker-"


@dataclass(frozen=True)
class Came:
    """What comes back of an item.

    Attributes:
        result: the result of the function.
        host: the machine that computed it.
        folder: the item's folder as an archive, if it could not be written where it belongs.
        missing: files and folders that this machine does not have; then the function was not called.
    """

    result: Any
    host: str
    folder: bytes | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worker:
    """A function as a worker runs it.

    Attributes:
        function: the function.
        mark: the file by which the worker sees whether it shares the function's folder; None if it writes none.
        directory: the working directory of the process that sent it.
    """

    function: Callable[[Any], Any]
    mark: Path | None
    directory: str

    def __call__(self, sent: tuple[bytes, tuple[str, ...]]) -> Came:
        import socket

        host = socket.gethostname()
        _settle(self.directory)
        content, needed = sent
        if missing := tuple(path for path in needed if not os.path.exists(path)):
            return Came(None, host, missing=missing)
        item = pickle.loads(content)
        if self.mark is None or is_shared(self.mark):
            return Came(lean(self.function, item), host)
        assert isinstance(self.function, WritesFolders)
        place = Path(tempfile.mkdtemp(prefix=f"{_PLACE}{os.getpid()}-"))
        try:
            function = self.function.at(place)
            return Came(lean(function, item), host, packed(function.folder_of(item)))
        finally:
            shutil.rmtree(place, ignore_errors=True)


def remote_function(function: bytes, versions: Mapping[str, str], gpus: bool) -> Callable[[Any], Any]:
    """Return a function for Ray that needs nothing of a machine before it has checked what is installed there.

    Args:
        function: a pickled ``Worker``.
        versions: by package, the version that must be installed.
        gpus: whether it may see a GPU.
    """
    ready: list[Callable[[Any], Any]] = []

    def sfsim_trial(sent: Any) -> Any:  # Ray sends its code along, as it is nested; whatever it uses is imported in it
        if not ready:
            import os
            import pickle
            import socket
            from importlib.metadata import PackageNotFoundError, version

            for package, wanted in versions.items():
                try:
                    there = version(package)
                except PackageNotFoundError:
                    there = "none"
                if there.partition("+")[0] != wanted.partition("+")[0]:
                    return f"the worker on {socket.gethostname()} has {package} {there}, and this machine {wanted}"
            if not gpus:
                os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what torch finds must not depend on the machine
            os.environ.setdefault("GOMP_SPINCOUNT", "5000")  # as in the command itself
            ready.append(pickle.loads(function))
        return ready[0](sent)

    return sfsim_trial


def needed_paths(part: Any) -> Iterator[str]:
    """Yield the files and folders of this machine that are named anywhere in settings, by their absolute paths."""
    if isinstance(part, str):
        if part[:1] == os.sep and os.path.exists(part):
            yield part
    elif isinstance(part, Settings):
        for key in type(part).model_fields:
            yield from needed_paths(getattr(part, key))
    elif is_dataclass(part):
        for field in fields(part):
            yield from needed_paths(getattr(part, field.name))
    elif isinstance(part, list | tuple):
        for each in part:
            yield from needed_paths(each)
    elif isinstance(part, Mapping):
        for each in part.values():
            yield from needed_paths(each)


_settled: set[str] = set()


def _settle(directory: str) -> None:
    """Do what every worker does once: work where its sender does, and remove what killed workers have left here."""
    if directory in _settled:
        return
    _settled.add(directory)
    with suppress(OSError):  # the directory need not be there: a scenario's own paths are absolute
        os.chdir(directory)
    settle()
    for place in Path(tempfile.gettempdir()).glob(f"{_PLACE}*"):
        process = place.name.removeprefix(_PLACE).partition("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(place, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
