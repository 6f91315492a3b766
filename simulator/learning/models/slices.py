"""Slices of a structure: some stages as one module on ``meta``, and stretches of them that compute."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import cached_property

from torch import Tensor, nn
from torch.func import functional_call

from simulator.accounting.payload import tree_bytes

Ties = Mapping[str, str]
"""Parameters that are one tensor with another one: name -> the name under which both have their weight.

A language-model head that is the embedding of words is the one case: ``head.head.weight`` -> ``embed.tokens.weight``.
"""


def tie(stages: Mapping[str, nn.Module], ties: Ties) -> None:
    """Make tied parameters of stages one object, in place.

    Args:
        stages: the stages by name.
        ties: which parameters are one.
    """
    modules = nn.ModuleDict(stages)
    for name, other in ties.items():
        owner, _, last = name.rpartition(".")
        setattr(modules.get_submodule(owner), last, modules.get_parameter(other))


class Stretch:
    """Consecutive stages, called with their tensors by name.

    Args:
        stages: the stages by name, on ``meta``.
        constants: what stages derive from their shape, such as the mask of windows, by name; it is no weight.
        ties: the parameters that have their weight under another name.

    Attributes:
        names: the names of the tensors that it is called with.
    """

    def __init__(self, stages: Iterable[tuple[str, nn.Module]], constants: Mapping[str, Tensor], ties: Ties) -> None:
        self.module = nn.Sequential(OrderedDict(stages))
        self._weights = {name: ties.get(name, name) for name in names_of(self.module)}
        self.names = tuple(self._weights.values())
        derived = dict(self.module.named_buffers()).keys() - self._weights.keys()
        self._constants = {name: constants[name] for name in derived if name in constants}

    def __call__(self, tensors: Mapping[str, Tensor], x: Tensor) -> Tensor:
        if any(tensor.device != x.device for tensor in self._constants.values()):
            self._constants = {name: tensor.to(x.device) for name, tensor in self._constants.items()}
        weights = {name: tensors[other] for name, other in self._weights.items()}
        return functional_call(self.module, {**weights, **self._constants}, (x,))


def names_of(module: nn.Module) -> tuple[str, ...]:
    """Return the names of all weights: parameters, and the buffers that are saved with them.

    Parameters that are one have the name of the first.
    """
    saved = module.state_dict().keys()
    return *dict(module.named_parameters()), *(name for name, _ in module.named_buffers() if name in saved)


class Slice:
    """Some stages of a structure, as one module on ``meta``.

    Attributes:
        module: the stages as one module.
        names: the names of all its parameters and saved buffers. A tied parameter has the name of its weight, even
            where the stage with this name is not among these.
        trainable: the names of the parameters that are trained.
        frozen: the names of all other parameters and of the saved buffers.
        input_grad: whether the gradient of the input is wanted, because a stage before the first of these is trained.
            It follows from the cut; a tensor that arrived over a link does not show it.
        learns: whether a backward pass is needed, for gradients of parameters or of the input.
        bytes: the bytes of all parameters and saved buffers; tied ones count once.
        trainable_bytes: the bytes of the parameters that are trained.
    """

    def __init__(
        self, stages: OrderedDict[str, nn.Module], input_grad: bool, constants: Mapping[str, Tensor], ties: Ties
    ) -> None:
        self.module, self._constants, self._ties = nn.Sequential(stages), constants, ties
        parameters = {ties.get(name, name): tensor for name, tensor in self.module.named_parameters()}
        self.trainable = tuple(name for name, parameter in parameters.items() if parameter.requires_grad)
        self.names = tuple(ties.get(name, name) for name in names_of(self.module))
        self.frozen = tuple(name for name in self.names if name not in set(self.trainable))
        self.input_grad = input_grad
        self.learns = bool(self.trainable) or input_grad
        weights = self.module.state_dict()
        self._twice = {name for name, other in ties.items() if name in weights and other in weights}
        self.bytes = tree_bytes({name: tensor for name, tensor in weights.items() if name not in self._twice})
        self.trainable_bytes = sum(tree_bytes(parameters[name]) for name in self.trainable)

    @cached_property
    def stages(self) -> dict[str, nn.Module]:
        """The stages by name, in order."""
        return dict(self.module.named_children())

    def left_out(self, stage: str) -> tuple[str, ...]:
        """Return the names, in a stage, of its parameters that count with another stage of these."""
        return tuple(name.removeprefix(f"{stage}.") for name in self._twice if name.startswith(f"{stage}."))

    @cached_property
    def stage_bytes(self) -> dict[str, tuple[int, int]]:
        """The bytes of the weights of each stage, and of those of them that are trained; tied ones count once."""
        return {
            stage: (
                tree_bytes({name: tensor for name, tensor in module.state_dict().items() if name not in others}),
                sum(
                    tree_bytes(parameter)
                    for name, parameter in module.named_parameters()
                    if parameter.requires_grad and name not in others
                ),
            )
            for stage, module in self.stages.items()
            for others in (self.left_out(stage),)
        }

    @cached_property
    def frozen_prefix(self) -> int:
        """The number of stages before the first that is trained; 0 where the gradient of the input is wanted."""
        if self.input_grad:
            return 0
        trained = [any(p.requires_grad for p in stage.parameters()) for stage in self.stages.values()]
        return trained.index(True) if True in trained else len(trained)

    @cached_property
    def prefix(self) -> Stretch:
        """The stages before the first that is trained."""
        return Stretch(list(self.stages.items())[: self.frozen_prefix], self._constants, self._ties)

    @cached_property
    def rest(self) -> Stretch:
        """The first stage that is trained, and all that follow it."""
        return Stretch(list(self.stages.items())[self.frozen_prefix :], self._constants, self._ties)

    @cached_property
    def every(self) -> Stretch:
        """All of the stages."""
        return Stretch(self.stages.items(), self._constants, self._ties)
