"""Executors by name: what is not there, or not reached, is told in one message before anything is written."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.experiments.executors import ray_connection
from simulator.experiments.executors.choose import chosen
from simulator.experiments.executors.ray import Ray
from simulator.experiments.executors.slurm import Slurm
from simulator.settings.errors import ScenarioError
from tests.helpers.commands import SCENARIO, Sfsim


def refusal(name: str, address: str | None = None) -> str:
    with pytest.raises(ScenarioError) as error:
        chosen(name, workers=2, threads=1, address=address)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.usefixtures("_no_address")
def test_each_name_has_its_executor() -> None:
    assert chosen("local", workers=2, threads=1) is None
    assert chosen("ray", workers=2, threads=3, gpus=True) == Ray(2, 3, None, True)
    assert chosen("slurm", workers=2, threads=3, address="local") == Slurm(2, 3, "local")


def test_another_name_or_address_is_refused() -> None:
    assert refusal("dask") == "--executor dask: there is no such executor (allowed: local, ray, slurm)"
    assert refusal("local", "auto") == "--address needs --executor ray or slurm"
    assert refusal("slurm", "node7") == "--address node7: --executor slurm takes slurm (the default) or local"


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert refusal("ray") == "--executor ray needs Ray: pip install 'sfsim[ray]'"
    assert refusal("slurm") == "--executor slurm needs submitit: pip install 'sfsim[slurm]'"


def test_without_slurm_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert refusal("slurm").startswith("--executor slurm: there is no srun here")


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "head:gcs"])
def test_an_address_has_a_host_and_a_port(address: str) -> None:
    assert refusal("ray", address) == f"--address {address}: say HOST:PORT, or auto for a Ray that runs on this machine"


@pytest.mark.parametrize("address", ["ray://head:10001", "http://head:8265"])
def test_from_outside_the_whole_command_is_sent(address: str) -> None:
    assert refusal("ray", address).startswith(f"--address {address}: connect from a machine of the cluster")


def test_where_nobody_listens_there_is_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "no Ray can be reached at 127.0.0.1:1: Connection refused"
    assert refusal("ray", "127.0.0.1:1") == said
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert refusal("ray") == said
    assert refusal("ray", "127.0.0.1:99999").startswith("no Ray can be reached at 127.0.0.1:99999: ")


def test_what_is_no_ray_does_not_keep_one_waiting(silence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection, "REACHED_WITHIN", 2.0)
    assert refusal("ray", silence) == (
        f"no Ray can be reached at {silence}: no answer within 2 s; is this machine part of that cluster?"
    )


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_command_that_reaches_no_ray_writes_nothing(command: str, sfsim: Sfsim, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    axis = ["--axis", "training.rounds=1,2"] if command == "sweep" else []
    words = [tmp_path / "tiny.yaml", *axis, "--dry", "--out", tmp_path / "out", "--executor", "ray"]
    assert sfsim(command, *words, "--address", "127.0.0.1:1")[::2] == (
        2,
        "sfsim: no Ray can be reached at 127.0.0.1:1: Connection refused\n",
    )
    assert not (tmp_path / "out").exists()
