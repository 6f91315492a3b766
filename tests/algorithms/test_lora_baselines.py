"""FedLoRA and SplitLoRA: what they send, what they learn, and what SplitFrozen saves against them."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch

from simulator.accounting.costs import Cost, Work
from simulator.algorithms.base import Algorithm
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.fedlora import FedLora
from simulator.algorithms.flora import Flora, Folded
from simulator.algorithms.splitfrozen import SplitFrozen
from simulator.algorithms.splitlora import SplitLora
from simulator.learning.models.stages.adapters import Target
from simulator.learning.models.weights import Weights
from simulator.learning.training import stacking
from simulator.learning.training.stacking import fold, stacked
from tests.helpers.learners import Run, digits_like, equal, go, largest_difference, training

RANK, WIDTH, CLASSES, TOKENS = 2, 16, 5, 5
ADAPTERS = 2 * 2 * RANK * WIDTH
"""Values in one block: A and B beside q and v."""
CLASSIFIER = WIDTH * CLASSES + CLASSES


def settings(**more: Any) -> Any:
    return training(**{"lora": {"rank": RANK}, "rounds": 1, **more})


class TestFedLora:
    def test_is_fedavg_of_adapters(self) -> None:
        assert equal(go(FedLora(), settings()).trained, go(FedAvg(), settings(train="lora")).trained)

    def test_sends_adapters_and_classifier_and_the_frozen_model_once(self) -> None:
        found = go(FedLora(), settings(rounds=2), clients=1)
        sizes = {(row.kind, row.round): row.bytes for row in found.transfers(target="server")}
        assert sizes == {("model", number): 4 * (3 * ADAPTERS + CLASSIFIER) for number in (1, 2)}
        assert len(found.transfers(kind="frozen weights")) == 1

    def test_factors_are_averaged_separately(self) -> None:
        """Not their products, as FLoRA does."""
        far = settings(local_epochs=4, optimizer={"name": "sgd", "learning_rate": 1.0})
        separate, exact = (go(kind(), far, clients=3) for kind in (FedLora, Flora))
        a, b = (separate.trained[f"block0.attn.lora.v.{factor}"] for factor in "ab")
        values, name = slice(2 * WIDTH, None), "block0.attn.qkv.weight"
        change = exact.trained[name][values] - exact.task.backbone[name][values]
        assert float((b @ a - change).norm()) > 1e-3 * float(change.norm()) > 0


class TestSplitLora:
    def test_one_client_learns_what_fedlora_does(self) -> None:
        """A cut changes nothing of what one client alone learns."""
        split, whole = go(SplitLora(head=1), settings(), clients=1), go(FedLora(), settings(), clients=1)
        assert largest_difference(split.trained, whole.trained) < 1e-5

    def test_gradients_come_back(self) -> None:
        found = go(SplitLora(head=1), settings())
        smashed, back = found.transfers(kind="smashed data and labels"), found.transfers(kind="smashed gradient")
        labels = 8 * sum(len(client.data) for client in found.clients[:3])
        assert len(smashed) == len(back) == 3 * 2
        assert sum(row.bytes for row in smashed) == sum(row.bytes for row in back) + labels

    def test_only_adapters_of_the_device_are_averaged(self) -> None:
        found = go(SplitLora(head=1), settings())
        assert {row.bytes for row in found.transfers(kind="adapters")} == {4 * ADAPTERS}

    @pytest.mark.parametrize(("steps", "batches"), [(1, 1), (3, 3), (None, 2)])
    def test_a_round_is_so_many_steps(self, steps: int | None, batches: int) -> None:
        found = go(SplitLora(head=1, steps=steps), settings(), clients=1)
        assert len(found.works(work="train_step")) == batches

    def test_without_adapters_on_the_device_nothing_comes_back(self) -> None:
        found = go(SplitLora(head=1), settings(lora={"rank": RANK, "blocks": (1, 2)}))
        assert {row.kind for row in found.transfers(source="server")} == {"frozen weights"}


def twelve_blocks(**more: Any) -> Callable[[], Any]:
    """Twelve equal blocks, so wide that adapters, embedding and classifier weigh little beside them."""
    shape = {"img_size": 16, "patch_size": 8, "embed_dim": 192, "depth": 12, "num_heads": 3, "num_classes": CLASSES}
    with torch.device("meta"):
        return lambda: timm.create_model("vit_tiny_patch16_224", **{**shape, **more})


class TestWhatSplitFrozenSaves:
    """Closed forms, in blocks: a device of SplitFrozen computes l, of SplitLoRA 2 l, of FedLoRA 2 L (derived)."""

    def device_flops(self, algorithm: Algorithm) -> int:
        found = self.run(algorithm)
        return sum(row.flops for row in found.works() if row.site != "server")

    def run(self, algorithm: Algorithm) -> Run:
        chosen = settings(lora={"rank": 1, "targets": ["fc1"]})
        return go(algorithm, chosen, clients=1, dry=True, model=twelve_blocks())

    def test_device_compute_against_fedlora(self) -> None:
        saved = 1 - self.device_flops(SplitFrozen(head=3)) / self.device_flops(FedLora())
        assert saved == pytest.approx(1 - 3 / 24, abs=0.01)

    def test_device_compute_against_splitlora(self) -> None:
        """Half of it in blocks, less what the way back never reaches: all before the first adapter, in fc1."""
        saved = 1 - self.device_flops(SplitFrozen(head=3)) / self.device_flops(SplitLora(head=3))
        embedding = (TOKENS - 1) / TOKENS / 12  # of a block's twelve products of width x width for each token
        assert saved == pytest.approx(1 - (3 + embedding) / (6 + embedding - 8 / 12), abs=0.01)

    def test_traffic_of_an_epoch(self) -> None:
        samples, smashed = 10, 4 * TOKENS * 192  # n, q
        sent = {
            type(algorithm): sum(
                row.bytes for row in self.run(algorithm).world.ledger.transfers if row.phase != "provisioning"
            )
            for algorithm in (SplitFrozen(head=3), SplitLora(head=3))
        }
        labels, adapters = 8 * samples, 3 * 4 * (192 + 4 * 192)
        assert sent[SplitFrozen] == samples * smashed + labels
        assert sent[SplitLora] == 2 * samples * smashed + labels + 2 * adapters


class TestFlora:
    def test_a_stacks_product_is_the_mean_of_the_products(self) -> None:
        generator = torch.Generator().manual_seed(0)
        one = Target("a", "b", "w", slice(3, 7), 2.0)
        updates = [
            {"a": torch.randn(RANK, 6, generator=generator), "b": torch.randn(4, RANK, generator=generator)}
            for _ in range(3)
        ]
        weights, base = [1.0, 5.0, 2.0], {"w": torch.randn(9, 6, generator=generator)}
        found = fold([one], base, stacked([one], updates, weights))["w"]
        expected = base["w"].clone()
        for update, weight in zip(updates, weights, strict=True):
            expected[3:7] += 2.0 * weight / 8 * update["b"] @ update["a"]
        torch.testing.assert_close(found, expected)

    def test_of_one_client_and_one_a_it_is_fedlora(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = Work(
            lambda found, tensors, seed: {one.a: tensors[one.a] for one in found},
            cost=lambda *_: Cost(),
            name="redrawn",
        )
        with monkeypatch.context() as patch:
            patch.setattr(stacking, "redrawn", kept)
            one = go(Flora(), settings(), clients=1)
        two = go(FedLora(), settings(), clients=1)
        x = digits_like(6, 3).rows(torch.arange(6))
        answers = [run.task.part(Weights({**run.task.backbone, **run.trained})).infer(x) for run in (one, two)]
        torch.testing.assert_close(*answers, rtol=1e-4, atol=1e-5)

    def test_each_client_learns_in_directions_of_its_own_in_each_round(self) -> None:
        """So the change of a round has the rank of all its adapters together."""
        state, start = go(Flora(), settings(rounds=1), clients=3).state, go(Flora(), settings(), clients=3).task
        name = next(iter(state["base"]))
        change = state["base"][name] - start.backbone[name]
        strengths = torch.linalg.svdvals(change[: change.shape[1]])
        assert int((strengths > 1e-3 * strengths[0]).sum()) == 3 * RANK

    def test_devices_and_server_have_the_same_weights(self) -> None:
        found = go(Flora(), settings(rounds=4))
        latest = max(client.store(Folded).stacks for client in found.clients)
        holders = [client for client in found.clients if client.store(Folded).stacks == latest]
        assert latest == 3  # what round 4 stacked, the server alone has
        state = go(Flora(), settings(rounds=3)).state
        for client in holders:
            assert largest_difference(dict(client.store(Folded).base), state["base"]) < 1e-5

    def test_who_missed_rounds_is_sent_their_stacks(self) -> None:
        found = go(Flora(), settings(rounds=4))
        classifier, rank = 4 * CLASSIFIER, 4 * 3 * 3 * ADAPTERS  # three clients' adapters in three blocks
        for client in found.clients:
            rows = found.transfers(kind="stacks", target=client.name)
            missed = [
                row.round - 1 - before for row, before in zip(rows, [0, *(r.round - 1 for r in rows)], strict=False)
            ]
            assert [row.bytes for row in rows] == [classifier + rank * number for number in missed]
