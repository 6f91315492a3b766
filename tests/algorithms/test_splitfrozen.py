"""SplitFrozen: forward-only devices, one set of adapters, and a pipeline as long as its slowest stage makes it."""

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from simulator.algorithms.base import UnfitError
from simulator.algorithms.splitfrozen import SplitFrozen
from simulator.algorithms.steps.split import CutPoint
from simulator.learning.models import parts as passes
from simulator.learning.models.lora import Lora
from simulator.learning.models.weights import Weights
from simulator.learning.task import Task
from simulator.world.hardware import Hardware
from simulator.world.world import World
from tests.helpers.driving import drive as driven
from tests.helpers.learners import Run, equal, go, largest_difference, make, training

HEAD = 1


def settings(**more: Any) -> Any:
    return training("lora", **{"lora": {"rank": 2}, **more})


def run(samples: Any = 32, clients: int = 3, **more: Any) -> Run:
    world = {key: more.pop(key) for key in ("server", "slots", "dry", "provisioning") if key in more}
    return go(SplitFrozen(head=HEAD, **more), settings(), clients=clients, samples=samples, **world)


class TestWhatIsDone:
    def test_devices_only_go_forward(self) -> None:
        found = run()
        assert {row.work for row in found.works() if row.site != "server"} == {"infer"}
        assert not found.transfers(kind="smashed gradient")
        assert {row.kind for row in found.world.ledger.transfers} == {"smashed data and labels", "frozen weights"}

    def test_device_compute_is_one_forward_pass_of_the_head(self) -> None:
        found = run(samples=10)
        head = found.task.part(found.task.backbone, found.task.cut(HEAD, 0).head)
        per_sample = head.infer.cost(torch.empty(1, 3, 16, 16)).flops
        rounds, cohort, samples = 2, 3, 10
        flops = sum(row.flops for row in found.works() if row.site != "server")
        assert flops == per_sample * rounds * cohort * samples

    def test_adapters_are_behind_the_cut_alone(self) -> None:
        trained = {name.split(".")[0] for name in run().trained}
        assert trained == {"block1", "block2", "head"}

    def test_one_client_learns_what_a_plain_loop_over_the_same_batches_does(self) -> None:
        algorithm = SplitFrozen(head=HEAD)
        found = go(algorithm, settings(rounds=1), clients=1, samples=10)
        world, task = make(algorithm, settings(rounds=1), clients=1, samples=10)
        tensors = {name: tensor.clone() for name, tensor in task.backbone.items()}
        client = world.clients[0]
        client.round_index = 1
        for x, y in client.batches("train"):
            _step(task, tensors, x.tensor(), y)
        assert largest_difference(found.trained, {name: tensors[name] for name in found.trained}) < 1e-5

    def test_a_group_is_shuffled_and_split_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With one class on each device, the server's batches hold several."""
        seen: list[torch.Tensor] = []
        loss = passes.Pass.__init__

        def watched(self: Any, part: Any, x: Any, y: Any = None, *rest: Any, **more: Any) -> None:
            if y is not None:
                seen.append(y)
            loss(self, part, x, y, *rest, **more)

        monkeypatch.setattr(passes.Pass, "__init__", watched)
        algorithm = SplitFrozen(head=HEAD)
        world, task = make(algorithm, settings(rounds=1), clients=3, samples=16)
        for number, client in enumerate(world.clients):
            client.data.inputs.labels[client.data.index] = number
        drive(algorithm, world, task, clients=3)
        assert len(seen) == 3 * 16 // 8  # as many as there are batches of devices
        assert all(len(labels.unique()) > 1 for labels in seen)


def _step(task: Task, tensors: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> None:
    """One step of SGD at 0.1, by autograd over the whole model."""
    names = list(task.trainable())
    leaves = {name: tensors[name].detach().requires_grad_() for name in names}
    with torch.enable_grad():
        logits = task.part(Weights(tensors))(x, {**tensors, **leaves})
        grads = torch.autograd.grad(cross_entropy(logits, y), list(leaves.values()))
    for name, grad in zip(names, grads, strict=True):
        tensors[name] = tensors[name] - 0.1 * grad


def drive(algorithm: SplitFrozen, world: World, task: Task, clients: int, beside: Any = None) -> None:
    """One round, and something beside it."""

    driven(algorithm, world, task, clients_per_round=clients, beside=beside)


class TestPipeline:
    @pytest.mark.parametrize(
        ("device", "server", "slow"),
        [(1e8, 2e9, "upload"), (1e8, 3e5, "server"), (1e6, 2e9, "device")],
    )
    def test_an_epoch_is_the_fill_and_then_the_slowest_stage(self, device: float, server: float, slow: str) -> None:
        batches = 6
        found = self.one(batches, device, server, pipeline=True)
        stages = self.stages(found)
        assert max(stages, key=stages.get) == slow  # type: ignore[arg-type]
        expected = sum(stages.values()) + (batches - 1) * max(stages.values())
        assert self.epoch(found) == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("device", [1e8, 1e6])
    def test_off_it_is_the_sum_of_all_stages(self, device: float) -> None:
        batches = 6
        found = self.one(batches, device, 2e9, pipeline=False)
        assert self.epoch(found) == pytest.approx(batches * sum(self.stages(found).values()), rel=1e-9)

    def one(self, batches: int, device: float, server: float, pipeline: bool) -> Run:
        """One device of this speed, FLOP/s, and one round of so many batches."""
        algorithm = SplitFrozen(head=HEAD, pipeline=pipeline)
        world, task = make(
            algorithm,
            settings(rounds=1),
            clients=1,
            samples=8 * batches,
            server=server,
            provisioning="preinstalled",
            dry=True,
        )
        world.clients[0].site.hardware = Hardware(device, 1e9)
        drive(algorithm, world, task, clients=1)
        return Run(world, task, {}, {}, world.clients)

    def stages(self, found: Run) -> dict[str, float]:
        first, second = found.works(work="gather")[0], found.works(work="train_step")[0]
        return {
            "device": found.works(work="infer")[0].seconds,
            "upload": found.transfers()[0].seconds,
            "server": first.seconds + second.seconds,
        }

    def epoch(self, found: Run) -> float:
        return next(iter(found.world.ledger.rounds)).seconds

    @pytest.mark.parametrize("server", [1e6, 1e7, 1e8, 2e9])
    @pytest.mark.parametrize("clients", [1, 3])
    def test_it_never_takes_longer_and_learns_the_same(self, server: float, clients: int) -> None:
        on, off = (run(samples=24, clients=clients, server=server, pipeline=how) for how in (True, False))
        assert on.world.now <= off.world.now * (1 + 1e-12)
        assert equal(on.trained, off.trained)

    def test_what_waits_lies_in_memory(self) -> None:
        peaks = [
            run(samples=80, clients=1, dry=True, server=1e4, room=room, provisioning="preinstalled").world.server.memory
            for room in (1, 3)
        ]
        tokens, width, batch = 5, 16, 8
        assert peaks[1].peak_bytes - peaks[0].peak_bytes == 2 * batch * (4 * tokens * width + 8)

    def test_what_is_learned_does_not_depend_on_the_room(self) -> None:
        assert equal(run(samples=24, room=1).trained, run(samples=24, room=5).trained)


class TestDecomposed:
    def test_learns_a_step_on_the_mean_loss_of_the_group(self) -> None:
        algorithm = SplitFrozen(head=HEAD, backward="decomposed")
        found = go(algorithm, settings(rounds=1), clients=3, samples=(8, 4, 6))
        world, task = make(algorithm, settings(rounds=1), clients=3, samples=(8, 4, 6))
        tensors = {name: tensor.clone() for name, tensor in task.backbone.items()}
        batches = []
        for client in world.clients:
            client.round_index = 1
            batches += list(client.batches("train"))
        _step(task, tensors, torch.cat([x.tensor() for x, _ in batches]), torch.cat([y for _, y in batches]))
        assert largest_difference(found.trained, {name: tensors[name] for name in found.trained}) < 1e-5

    def test_costs_the_same_in_two_parts(self) -> None:
        whole, parts = run(samples=8, dry=True), run(samples=8, dry=True, backward="decomposed")
        assert sum(row.flops for row in whole.works(site="server")) == sum(
            row.flops for row in parts.works(site="server")
        )
        late = [row.flops for row in parts.works(work="late")]
        assert min(late) > 0

    def test_gradients_of_weights_wait_until_nothing_else_does(self) -> None:
        found = run(samples=8, backward="decomposed", server=1e5, slots=1, provisioning="preinstalled")
        for row in found.works(work="late"):
            waiting = [other for other in found.works(work="loss_chain") if other.asked < row.start < other.start]
            assert not waiting


class TestCache:
    def test_smashed_data_are_sent_once(self) -> None:
        plain, cached = run(samples=10, clients=2), run(samples=10, clients=2, cache=True)
        rounds = 2
        sent = [sum(row.bytes for row in one.transfers(kind="smashed data and labels")) for one in (plain, cached)]
        assert sent[0] == rounds * sent[1]
        assert not [row for row in cached.works(work="infer") if row.round > 1]

    def test_what_is_learned_is_the_same(self) -> None:
        plain, cached = run(samples=10, clients=2), run(samples=10, clients=2, cache=True)
        assert largest_difference(plain.trained, cached.trained) < 1e-5

    def test_it_lies_in_the_servers_memory(self) -> None:
        plain, cached = run(samples=10, clients=2, dry=True), run(samples=10, clients=2, dry=True, cache=True)
        tokens, width = 5, 16
        held = 2 * 10 * (4 * tokens * width + 8 + 8)  # smashed data, labels, which images
        assert cached.world.server.stores.weigh() - plain.world.server.stores.weigh() == held

    def test_several_epochs_of_a_round_send_one(self) -> None:
        found = go(SplitFrozen(head=HEAD, cache=True), settings(rounds=1, local_epochs=3), clients=2, samples=10)
        assert len(found.transfers(kind="smashed data and labels")) == 2 * 2
        assert len(found.works(work="train_step")) == 2 * 3 + 3  # in each epoch 8 + 8 samples are two steps, 2 + 2 one


class TestRefusals:
    @pytest.mark.parametrize(
        ("algorithm", "how", "key", "message"),
        [
            (SplitFrozen(labels="private"), {}, "labels", "labels leave the devices"),
            (SplitFrozen(head=2), {"lora": Lora(blocks=(1, 2))}, "head", "some of them have adapters"),
            (SplitFrozen(head=3), {}, "head", "leave no block"),
            (SplitFrozen(cache=True), {"augment": {"crop": 2}}, "cache", "differ every time"),
            (SplitFrozen(backward="decomposed"), {"lora": Lora(dropout=0.1)}, "backward", "depend on timing"),
        ],
    )
    def test_one_message(self, algorithm: SplitFrozen, how: dict[str, Any], key: str, message: str) -> None:
        chosen = settings(**how)
        lora = {"lora": Lora(blocks=(2, 2))} if algorithm.head == 3 else {}
        _, task = make(SplitFrozen(head=HEAD), settings(**{**how, **lora}))
        with pytest.raises(UnfitError, match=message) as raised:
            algorithm.check(task.model, chosen)
        assert raised.value.key == key


def test_cuts_of_their_own_change_nothing_of_what_is_learned() -> None:
    """The server computes what a device did not; adapters are behind the deepest cut."""
    places = {f"phone-{number}": CutPoint(number % 3, 0) for number in range(4)}
    mixed = go(SplitFrozen().placed(places), settings(), clients=4)
    same = go(SplitFrozen(head=2), settings(), clients=4)
    assert largest_difference(mixed.trained, same.trained) < 1e-5
    device = [sum(row.flops for row in one.works() if row.site == "phone-0") for one in (mixed, same)]
    assert 0 < device[0] < device[1]


def test_a_device_that_leaves_is_missed_by_nobody() -> None:
    algorithm = SplitFrozen(head=HEAD)
    first = run(samples=16, clients=2).transfers(client="phone-0", kind="smashed data and labels")[0]
    world, task = make(algorithm, settings(rounds=1), clients=2, samples=16)

    def leaves() -> Any:
        yield world.env.timeout(first.start + first.seconds * 0.9)
        world.clients[0].site.leave()

    drive(algorithm, world, task, clients=2, beside=leaves())
    assert [row.client for row in world.ledger.transfers if row.lost] == ["phone-0"]
    assert len([row for row in world.ledger.works if row.work == "train_step"]) >= 2
