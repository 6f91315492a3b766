"""FedLite: smashed data as codebooks and codes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from simulator.accounting.costs import Cost
from simulator.learning.compression.base import FLOAT_BYTES, Compressor, Shape, TensorSpec
from simulator.settings.base import invalid

if TYPE_CHECKING:
    from torch import Tensor


class _Sizes(NamedTuple):
    """Of a tensor: vectors and their length, the length of a subvector, subvectors in a group, clusters, code bits."""

    vectors: int
    length: int
    subvector: int
    points: int
    clusters: int
    bits: int


class ProductQuantisation(Compressor):
    """FedLite (Wang et al., 2022; arXiv 2201.11865): each vector of a batch is cut in subvectors, in groups; of each
    group k-means on the sender makes a codebook. Sent are the codebooks, and of each subvector its code.

    The gradient that comes back for smashed data z, decoded as z~, is corrected on the device: it becomes
    grad + correction x (z - z~). One batch at a time: what is corrected is what was sent last.

    From the paper's abstract: clustering of the activations, and the correction. The layout and the correction's form
    are recalled, not verified. Ours: a vector is all that a tensor says of one sample (a row of a matrix of weights; a
    vector or a number is one by itself); it is filled up with zeros to a whole number of subvectors; groups are runs
    of neighbouring subvectors; k-means starts from distinct subvectors, evenly spaced in lexicographic order; a
    cluster that loses all its subvectors stays; one value that is not finite makes its whole group NaN; all defaults.

    Attributes:
        subvectors: of each vector.
        groups: with a codebook each; they divide the subvectors.
        clusters: in a codebook, at most as many as there are subvectors in a group; a code has ceil(log2 clusters)
            bits.
        iterations: of k-means (Lloyd's algorithm).
        correction: of the smashed gradient, where smashed data were encoded; 0: none. It wants to be small: gradients
            are those of a batch's mean loss. (Bundled model, head of one block, digits: 2e-5 beside errors of 1, root
            mean square.)
    """

    name: ClassVar[str] = "product_quantisation"
    subvectors: PositiveInt = 64
    groups: PositiveInt = 1
    clusters: int = Field(16, ge=2, le=65_536)
    iterations: NonNegativeInt = 5
    correction: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _groups_divide_subvectors(self) -> Self:
        if self.subvectors % self.groups:
            allowed = [str(groups) for groups in range(1, self.subvectors + 1) if self.subvectors % groups == 0]
            problem = f"it does not divide the {self.subvectors} subvectors"
            raise invalid([(("groups",), self.groups, problem, ", ".join(allowed))])
        return self

    @property
    def pull(self) -> float:
        return self.correction

    def _sizes(self, shape: Shape) -> _Sizes:
        vectors = shape[0] if len(shape) > 1 else 1
        length = math.prod(shape) // vectors
        points = vectors * self.subvectors // self.groups
        clusters = min(self.clusters, points)
        subvector = -(-length // self.subvectors)
        return _Sizes(vectors, length, subvector, points, clusters, (clusters - 1).bit_length())

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        sizes = self._sizes(shape)
        codes = -(-self.groups * sizes.points * sizes.bits // 8)
        books = (self.groups, sizes.clusters, sizes.subvector)
        return {"codes": TensorSpec("uint8", (codes,)), "codebooks": TensorSpec("float32", books)}

    def encode_cost(self, shape: Shape) -> Cost:
        """Of each look for the nearest: a multiply-add an element and cluster, and the distances written and read; of
        each new codebook: an addition an element. The start sorts the subvectors: log2 passes over them."""
        sizes = self._sizes(shape)
        elements = self.groups * sizes.points * sizes.subvector
        distances = self.groups * sizes.points * sizes.clusters
        looks, passes = self.iterations + 1, 2 * self.iterations + 2 + (sizes.points - 1).bit_length()
        return Cost(
            flops=looks * 2 * elements * sizes.clusters + self.iterations * elements,
            bytes_touched=FLOAT_BYTES * (passes * elements + 2 * looks * distances) + self.nbytes(shape),
            peak_bytes=FLOAT_BYTES * (elements + distances),
        )

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        import torch  # here, so that reading a scenario loads no torch

        from simulator.learning.compression.bits import pack
        from simulator.learning.compression.kmeans import kmeans, nearest

        sizes = self._sizes(tuple(values.shape))
        rows = values.reshape(sizes.vectors, sizes.length)
        rows = torch.nn.functional.pad(rows, (0, self.subvectors * sizes.subvector - sizes.length))
        points = rows.view(sizes.vectors, self.groups, -1, sizes.subvector).transpose(0, 1)
        points = points.reshape(self.groups, sizes.points, sizes.subvector)
        books = kmeans(points, sizes.clusters, self.iterations)
        return {"codes": pack(nearest(points, books).flatten(), sizes.bits), "codebooks": books}

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        from simulator.learning.compression.bits import unpack

        sizes = self._sizes(shape)
        codes = unpack(sent["codes"], self.groups * sizes.points, sizes.bits).view(self.groups, sizes.points, 1)
        points = sent["codebooks"].gather(1, codes.expand(-1, -1, sizes.subvector))
        rows = points.view(self.groups, sizes.vectors, -1, sizes.subvector).transpose(0, 1)
        return rows.reshape(sizes.vectors, -1)[:, : sizes.length].reshape(shape)
