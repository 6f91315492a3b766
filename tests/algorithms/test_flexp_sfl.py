"""FlexP-SFL: personal heads and tails, a body that all share, and three ways towards the global model."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn.functional import cross_entropy, softmax

from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.flexp_sfl import FlexPSFL
from simulator.algorithms.steps.personal import PersonalModel, has_trained
from simulator.algorithms.steps.shared_body import SharedBody
from simulator.algorithms.steps.split import CutPoint
from simulator.learning.models.parts import Pass
from simulator.learning.models.weights import Weights
from simulator.learning.training.alignment import Distilled, Projected
from tests.helpers.learners import Run, equal, go, largest_difference, make, training
from tests.helpers.models import vit

BODY = "block1."
MIXED = {"phone-0": CutPoint(0, 1), "phone-1": CutPoint(1, 1), "phone-2": CutPoint(1, 0), "phone-3": CutPoint(0, 2)}
"""Of the three blocks, each is on some devices and at the server for others."""


def test_one_client_alone_learns_what_it_would_without_a_cut() -> None:
    split = go(FlexPSFL(weight=0), training(rounds=1), clients=1)
    whole = go(FedAvg(), training(rounds=1), clients=1)
    (client,) = split.clients
    mine = FlexPSFL(weight=0).model_for(split.world, split.task, split.state, client)
    assert largest_difference(mine, whole.trained) < 1e-5


class TestWhatIsPersonal:
    def test_heads_and_tails_stay_and_the_body_is_shared(self) -> None:
        algorithm = FlexPSFL()
        found = go(algorithm, training())
        one, two = (algorithm.model_for(found.world, found.task, found.state, client) for client in found.clients[:2])
        assert not torch.equal(one["head.head.weight"], two["head.head.weight"])
        assert not torch.equal(one["block0.mlp.fc1.weight"], two["block0.mlp.fc1.weight"])
        assert all(one[name] is two[name] for name in one if name.startswith(BODY))

    @pytest.mark.parametrize("places", [{}, MIXED], ids=["same", "mixed"])
    def test_the_global_model_is_the_mean_of_what_clients_use(self, places: Mapping[str, CutPoint]) -> None:
        algorithm, shares = FlexPSFL().placed(places), (0.1, 0.2, 0.3, 0.4)
        found = go(algorithm, training(rounds=1, clients_per_round=4), samples=(5, 10, 15, 20))
        models = [algorithm.model_for(found.world, found.task, found.state, client) for client in found.clients]
        assert not torch.equal(models[0]["head.head.weight"], models[1]["head.head.weight"])
        assert list(found.state) == list(found.task.trainable())
        for name, tensor in found.state.items():
            mean = sum(share * model[name].double() for share, model in zip(shares, models, strict=True))
            torch.testing.assert_close(tensor, mean.float(), rtol=1e-6, atol=1e-7)

    def test_what_nobody_sent_is_the_bodys(self) -> None:
        found = go(FlexPSFL(), training(rounds=1))
        body = found.world.server.store(SharedBody).weights
        assert {name.split(".")[0] for name in found.state if found.state[name] is body[name]} == {"block1"}

    def test_the_server_is_charged_for_what_was_sent(self) -> None:
        """What came is read, and the mean of its names written; a block that some did not send is read of the body."""
        block, model = size(vit().blocks[0]), size(vit())
        ends = model - 3 * block
        two = {"phone-0": CutPoint(0, 1), "phone-1": CutPoint(1, 0)}
        cases: list[tuple[Mapping[str, CutPoint], int, int, int, int]] = [
            ({}, 4, 4 * (ends + 2 * block), ends + 2 * block, 0),
            (two, 2, 2 * (ends + block), ends + 2 * block, 2 * block),
            (MIXED, 4, 4 * ends + 6 * block, model, 3 * block),
        ]
        for places, clients, sent, mean, filled in cases:
            settings = training(rounds=1, clients_per_round=clients)
            real, dry = (go(FlexPSFL().placed(places), settings, clients=clients, dry=dry) for dry in (False, True))
            (row,) = real.works(work="filled_mean")
            assert (row.flops, row.bytes_touched) == (0, sent + mean + filled)
            assert row.bytes_touched < (clients + 1) * model
            assert real.world.ledger == dry.world.ledger

    def test_without_weight_accuracy_is_of_those_that_have_trained(self) -> None:
        algorithm = FlexPSFL(weight=0)
        found = go(algorithm, training(rounds=1, clients_per_round=1))
        world, task, state = found.world, found.task, found.state
        (trained,) = (client for client in found.clients if has_trained(client))
        others = [client for client in found.clients if client is not trained]
        for looked_at in (found.clients, [trained], others):  # where none of them has trained: all that have
            (view,) = algorithm.evaluated_models(world, task, state, looked_at)
            assert equal(dict(view), dict(algorithm.model_for(world, task, state, trained)))
        trained.store(PersonalModel).tensors = None
        assert algorithm.evaluated_models(world, task, state, found.clients) == [state]

    def test_without_weight_no_model_travels_but_the_first(self) -> None:
        found = go(FlexPSFL(weight=0), training())
        assert not found.transfers(kind="model", target="server")
        assert {row.client for row in found.transfers(kind="model")} == {row.client for row in found.transfers()}
        assert len(found.transfers(kind="model")) == len({row.client for row in found.transfers()})

    def test_each_client_has_its_own_cut(self) -> None:
        algorithm = FlexPSFL().placed(MIXED)
        found = go(algorithm, training(rounds=3))
        assert all(tensor.isfinite().all() for tensor in found.state.values())
        for client in found.clients:
            if has_trained(client):
                held = {name.split(".")[0] for name in algorithm._own(found.task, client)}
                expected = {"embed", "head"} | {f"block{n}" for n in range(MIXED[client.name].head)}
                assert held == expected | {f"block{2 - n}" for n in range(MIXED[client.name].tail)}

    def test_places_go_from_the_smallest_portion_to_the_largest(self) -> None:
        _, task = make(FlexPSFL(), training())
        places = FlexPSFL().cuts(task.model)
        assert [sum(place) for place in places] == [0, 1, 1, 2, 2, 2]
        assert places[-1] == (1, 1)


def size(module: nn.Module) -> int:
    return 4 * sum(parameter.numel() for parameter in module.parameters())


class TestTheBody:
    def runs(self, clients: int = 4, places: Mapping[str, CutPoint] = MIXED, **how: Any) -> tuple[Run, Run]:
        kinds: tuple[Literal["stashed", "exclusive"], ...] = ("stashed", "exclusive")
        settings = training(clients_per_round=clients)
        stashed, exclusive = (
            go(FlexPSFL(body=body, **how).placed(places), settings, clients=clients, slots=3) for body in kinds
        )
        return stashed, exclusive

    @pytest.mark.parametrize("places", [{}, MIXED], ids=["same", "mixed"])
    @pytest.mark.parametrize("weight", [0, 0.1])
    def test_exclusive_keeps_one_pass_and_one_version_and_takes_longer(
        self, weight: float, places: Mapping[str, CutPoint]
    ) -> None:
        stashed, exclusive = self.runs(places=places, weight=weight)
        assert stashed.world.server.store(SharedBody).weights.version > 0
        assert exclusive.world.server.store(SharedBody).weights.version == 0
        assert exclusive.world.server.memory.peak_bytes < stashed.world.server.memory.peak_bytes
        assert exclusive.world.now > stashed.world.now

    @pytest.mark.parametrize("alignment", ["proximal", "distillation", "projection"])
    def test_for_one_client_the_two_are_one_to_the_bit(self, alignment: Any) -> None:
        stashed, exclusive = self.runs(clients=1, places={}, alignment=alignment)
        assert equal(stashed.trained, exclusive.trained)
        assert equal(*(dict(run.clients[0].store(PersonalModel).tensors) for run in (stashed, exclusive)))
        assert stashed.world.ledger == exclusive.world.ledger

    @pytest.mark.parametrize("body", ["stashed", "exclusive"])
    @pytest.mark.parametrize("alignment", ["proximal", "distillation", "projection"])
    def test_dry_is_real(self, body: Any, alignment: Any) -> None:
        algorithm = FlexPSFL(body=body, alignment=alignment).placed(MIXED)
        real, dry = (go(algorithm, dry=dry, slots=3) for dry in (False, True))
        assert real.world.ledger == dry.world.ledger
        for one, other in zip(real.world.sites, dry.world.sites, strict=True):
            assert one.memory.peak_bytes == other.memory.peak_bytes


def test_a_devices_memory_does_not_grow_with_its_data_or_the_rounds() -> None:
    for alignment in ("distillation", "proximal"):
        peaks = {
            go(FlexPSFL(alignment=alignment), training(rounds=n), clients=1, samples=8 * n, dry=True)
            .clients[0]
            .site.memory.peak_bytes
            for n in (1, 2, 4)
        }
        assert len(peaks) == 1


class TestAlignment:
    def distance(self, **how: Any) -> float:
        found = go(FlexPSFL(**how), training(rounds=1, clients_per_round=1), clients=1, samples=40)
        own, start = found.clients[0].store(PersonalModel).tensors, found.task.trainable()
        return sum(float((own[name] - start[name]).square().sum()) for name in start)

    def test_proximal_keeps_a_client_near(self) -> None:
        assert self.distance(weight=5.0) < 0.9 * self.distance(weight=0.0)

    def test_distillation_keeps_answers_near(self) -> None:
        assert self.divergence(weight=5.0) < 0.5 * self.divergence(weight=0.0)

    def divergence(self, weight: float) -> float:
        """From what the global model said to what the client's own does, on its data."""
        algorithm = FlexPSFL(alignment="distillation", weight=weight)
        found = go(algorithm, training(rounds=1), clients=1, samples=40)
        (client,), task = found.clients, found.task
        x = client.data.inputs.rows(client.data.index)
        own = algorithm.model_for(found.world, task, found.state, client)
        before, after = (
            task.part(Weights({**task.backbone, **tensors})).infer(x).log_softmax(-1) for tensors in ({}, own)
        )
        return float((before.exp() * (before - after)).sum(-1).mean())

    def test_distillation_asks_the_global_model_for_each_batch(self) -> None:
        found = go(FlexPSFL(alignment="distillation"), training())
        legs = [len(found.transfers(kind=kind)) for kind in ("reference smashed data", "reference features")]
        assert legs == [len(found.transfers(kind="smashed data"))] * 2

    def test_projection_in_the_first_round_changes_nothing(self) -> None:
        """The global model has not moved."""
        one, two = (go(FlexPSFL(**how), training(rounds=1)) for how in ({"alignment": "projection"}, {"weight": 0}))
        assert equal(*(dict(run.clients[0].store(PersonalModel).tensors) for run in (one, two)))

    def test_projection_in_a_later_round_does(self) -> None:
        how = training(rounds=3, clients_per_round=4)
        one, two = (go(FlexPSFL(alignment="projection", weight=weight), how) for weight in (1.0, 1e-9))
        assert not equal(*(dict(run.clients[0].store(PersonalModel).tensors) for run in (one, two)))

    def test_no_weight_below_zero(self) -> None:
        with pytest.raises(ValidationError, match="greater than or equal to 0"):
            FlexPSFL(weight=-0.1)


class TestTheFormulas:
    @pytest.fixture
    def graded(self) -> tuple[Any, Weights, Pass]:
        _, task = make(FlexPSFL(), training())
        weights = task.weights(task.trainable(), round=1)
        part = task.part(weights, task.cut(1, 1).tail)
        x, y = torch.randn(6, 5, 16), torch.arange(6) % 5
        return (part, x, y), weights, part.loss_backward(x, y)

    def test_distillation_is_cross_entropy_and_a_divergence(self, graded: tuple[Any, Weights, Pass]) -> None:
        (part, x, y), weights, _ = graded
        teacher = torch.randn(6, 5)
        found = Distilled(part, teacher, 0.7).loss_backward(x, y)
        leaf = weights["head.head.weight"].detach().requires_grad_()
        logits = part(x, {**weights, "head.head.weight": leaf})
        p, q = softmax(teacher, -1), softmax(logits, -1)
        loss = cross_entropy(logits, y) + 0.7 * (p * (p.log() - q.log())).sum(-1).mean()
        torch.testing.assert_close(found.output, loss.detach())
        torch.testing.assert_close(found.grads["head.head.weight"], torch.autograd.grad(loss, leaf)[0])

    @pytest.mark.parametrize("sign", [1, -1])
    def test_projection_takes_out_what_goes_against_the_movement(
        self, graded: tuple[Any, Weights, Pass], sign: int
    ) -> None:
        _, weights, one = graded
        before = {name: grad.clone() for name, grad in one.grads.items()}
        generator = torch.Generator().manual_seed(1)
        noise = {name: torch.randn(grad.shape, generator=generator) for name, grad in before.items()}
        moved = {name: sign * grad + 0.1 * noise[name] for name, grad in before.items()}
        Projected(weights, moved, 1.0).step(one)
        inner = sum(float((one.grads[name] * moved[name]).sum()) for name in moved)
        if sign > 0:  # the gradient went along the movement, and its step against it
            assert inner == pytest.approx(0, abs=1e-3)
        else:
            assert equal(one.grads, before)
