"""Where control groups are, and what a share is in them, without making any."""

from pathlib import Path

import pytest

from tests.deployment.cgroups import Controller, controller, limits

V1 = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpuacct,cpu 0 0\n"


def test_version_1_is_found_below_the_own_group() -> None:
    assert controller(V1, "4:memory:/mine\n1:cpu,cpuacct:/a/b\n") == Controller(
        Path("/sys/fs/cgroup/cpu,cpuacct/a/b"), 1
    )


def test_version_1_is_found_at_the_root() -> None:
    assert controller(V1, "1:cpuacct,cpu:/\n") == Controller(Path("/sys/fs/cgroup/cpu,cpuacct"), 1)


@pytest.mark.parametrize(("offered", "version"), [("cpuset cpu io memory\n", 2), ("hugetlb\n", None)])
def test_version_2_is_found_where_it_has_the_processor(tmp_path: Path, offered: str, version: int | None) -> None:
    (tmp_path / "cgroup.controllers").write_text(offered)
    found = controller(f"cgroup2 {tmp_path} cgroup2 rw 0 0\n", "0::/\n")
    assert found == (Controller(tmp_path, 2) if version else None)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 1.0])
@pytest.mark.parametrize("version", [1, 2])
def test_a_quota_is_the_share_of_its_period(share: float, version: int) -> None:
    written = dict(limits(share, version))
    quota, period = (
        map(int, written["cpu.max"].split())
        if version == 2
        else (
            int(written["cpu.cfs_quota_us"]),
            int(written["cpu.cfs_period_us"]),
        )
    )
    assert quota / period == pytest.approx(share)
    assert quota >= 1_000
    assert period <= 1_000_000
