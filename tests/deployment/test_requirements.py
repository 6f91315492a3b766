"""One clear message, and exit status 2, where a deployment cannot be made."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from tests.deployment import requirements
from tests.deployment.__main__ import main
from tests.deployment.requirements import DeploymentError, lacking, run


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has everything."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/sbin/{tool}")
    monkeypatch.setattr(requirements, "controller", lambda: object())


@pytest.mark.usefixtures("complete")
def test_a_complete_machine_lacks_nothing() -> None:
    assert lacking() is None


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize(
    ("where", "name", "value", "message"),
    [
        (sys, "platform", "darwin", "run it on Linux"),
        (os, "geteuid", lambda: 1000, "run it as root"),
        (shutil, "which", lambda tool: None if tool == "tc" else tool, "no command 'tc': install iproute2"),
        (shutil, "which", lambda tool: None if tool == "ip" else tool, "no command 'ip': install iproute2"),
        (requirements, "controller", lambda: None, "mount cgroup2"),
    ],
    ids=["Linux", "root", "tc", "ip", "cgroup"],
)
def test_what_is_lacking_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    where: object,
    name: str,
    value: object,
    message: str,
) -> None:
    monkeypatch.setattr(where, name, value)
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(DeploymentError, match="no such thing"):
        run("sh", "-c", "echo no such thing >&2; exit 3")


def test_a_process_dies_with_the_one_that_started_it() -> None:
    """The parent starts a child that would live for a minute, says its id, and is killed."""
    starts = (
        "import os, subprocess, sys, functools; from tests.deployment.requirements import die_with; "
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=functools.partial(die_with, os.getpid())); "
        "print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)  # it lives
        parent.kill()
    assert gone(child)


def gone(pid: int) -> bool:
    """Whether a process ends within ten seconds; whoever adopts it may not have noticed yet that it has ended."""
    for _ in range(1000):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.01)
    return False
