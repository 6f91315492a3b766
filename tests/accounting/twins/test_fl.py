"""The twin of FL against the simulator: any devices and shards, each with a link of its own."""

from __future__ import annotations

from simulator.accounting.twins.base import Work
from simulator.accounting.twins.fl import Device, fl
from simulator.algorithms.fedavg import FedAvg
from simulator.learning.training.averaging import weighted_mean
from simulator.world.hardware import Hardware
from tests.helpers.twins import IMAGE, Toy, batches

SAMPLES = (10, 19, 7, 16)


def test_devices_and_shards_may_differ() -> None:
    """The seconds of a training step are FLOPs / rate: memory is not in the way."""
    toy = Toy(FedAvg(), SAMPLES, settings={"local_epochs": 2})
    whole = toy.task.model.whole

    def step(device: int, size: int) -> Work:
        sizes = toy.sizes(whole, size, IMAGE)
        return toy.on(device, sizes.forward + sizes.backward)

    model = toy.trained(whole)
    toy.check(
        fl(
            [
                Device(
                    toy.down(at, model),
                    [(times, step(at, size)) for times, size in batches(shard, epochs=2)],
                    toy.up(at, model),
                )
                for at, shard in enumerate(SAMPLES)
            ]
        )
    )


def test_works_that_wait_for_memory_and_the_mean_are_inputs_as_well() -> None:
    """Seconds are those that the sites themselves say: memory is slow, optimizer and mean take their time."""
    toy = Toy(FedAvg(), 16)
    for site in toy.world.sites:
        site.hardware = Hardware(site.hardware.flops_per_s, memory_bandwidth=1e6)
    model, sent = toy.task.part(toy.world.clients[0].weights({})), toy.trained(toy.task.model.whole)
    x, y = toy.task.model.blank((8, *IMAGE)), toy.task.model.blank((8,))
    cost, state = model.train_step.cost(x, y), toy.task.trainable()
    mean = toy.world.server.seconds(weighted_mean.cost([state] * 4, [1.0] * 4))
    assert mean > 0
    devices = [
        Device(toy.down(at, sent), [(2, Work(client.site.seconds(cost), cost.flops))], toy.up(at, sent))
        for at, client in enumerate(toy.world.clients)
    ]
    toy.check(fl(devices, Work(mean)))
