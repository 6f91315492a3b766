"""The memory that is available: of a machine, in control groups and by a limit of the process, from faked files."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from simulator.experiments.executors import local
from simulator.experiments.executors.local import workers_that_fit
from simulator.settings.memory import UNKNOWN, available_memory

MACHINE = {"proc/meminfo": "MemTotal: 32000000 kB\nMemAvailable: 16000000 kB\n"}
FREE = 16_000_000 * 1024
GB = 10**9


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def second(folder: str, limit: object, used: int, cached: int = 0) -> dict[str, str]:
    """The files of a control group of version 2."""
    stat = f"anon 5\ninactive_file {cached}\n"
    files = {"memory.max": f"{limit}\n", "memory.current": f"{used}\n", "memory.stat": stat}
    return {f"sys/fs/cgroup/{folder}{name}": text for name, text in files.items()}


def first(folder: str, limit: int, used: int, cached: int = 0) -> dict[str, str]:
    """The files of a control group of version 1."""
    stat = f"inactive_file 1\ntotal_inactive_file {cached}\n"
    files = {"limit_in_bytes": f"{limit}\n", "usage_in_bytes": f"{used}\n", "stat": stat}
    return {f"sys/fs/cgroup/memory/{folder}memory.{name}": text for name, text in files.items()}


def own(line: str) -> dict[str, str]:
    return {"proc/self/cgroup": f"{line}\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, UNKNOWN, id="no files"),
        pytest.param(MACHINE, FREE, id="a machine"),
        pytest.param({**MACHINE, **own("0::/"), **second("", 4 * GB, GB)}, 3 * GB, id="a container"),
        pytest.param({**MACHINE, **own("0::/"), **second("", 4 * GB, 3 * GB, 2 * GB)}, 3 * GB, id="full of cache"),
        pytest.param({**MACHINE, **own("0::/"), **second("", GB, 2 * GB)}, 0, id="more than full"),
        pytest.param({**MACHINE, **own("0::/a/b"), **second("a/b/", "max", GB)}, FREE, id="no limit"),
        pytest.param(
            {**MACHINE, **own("0::/a/b"), **second("a/b/", 9 * GB, 0), **second("a/", 5 * GB, GB)}, 4 * GB, id="around"
        ),
        pytest.param({**MACHINE, **own("3:cpu:/c\n4:memory:/c"), **first("c/", 8 * GB, GB)}, 7 * GB, id="version 1"),
        pytest.param({**MACHINE, **own("4:memory:/far/away"), **first("", 8 * GB, GB, 1)}, 7 * GB + 1, id="in Docker"),
        pytest.param({**MACHINE, **own("4:memory:/"), **first("", 2**63 - 4096, GB)}, FREE, id="no limit, version 1"),
        pytest.param({**MACHINE, **own("3:cpu:/"), **first("", 8 * GB, GB)}, FREE, id="no group for memory"),
    ],
)
def test_the_least_that_is_left_counts(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert available_memory(tmp_path) == expected


def test_a_limit_of_the_process_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4 * GB, resource.RLIM_INFINITY))
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "statm").write_text("1000 500 100 1 0 400 0\n")
    assert available_memory(tmp_path) == 4 * GB - 1000 * resource.getpagesize()


def test_fewer_large_workers_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 16)
    monkeypatch.setattr(local, "available_memory", lambda: 16 * GB)
    assert [workers_that_fit(*args) for args in ((1,), (8,), (1, 5 * GB), (1, GB), (1, 99 * GB))] == [8, 2, 3, 8, 1]
