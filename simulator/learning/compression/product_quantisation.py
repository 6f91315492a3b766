"""FedLite: smashed data sent as codebooks and codes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from simulator.accounting.costs import Cost
from simulator.learning.compression.base import FLOAT_BYTES, Compressor, Shape, TensorSpec
from simulator.settings.base import invalid
from simulator.settings.bounds import Count, EpochsOrZero, Factor

if TYPE_CHECKING:
    from torch import Tensor


class _Sizes(NamedTuple):
    """How one tensor is split and coded.

    Attributes:
        vectors, length: the vectors of the tensor, and the values in each.
        subvector: the values in a subvector.
        points: the subvectors in a group.
        clusters: the entries of a codebook.
        bits: the bits of a code.
    """

    vectors: int
    length: int
    subvector: int
    points: int
    clusters: int
    bits: int


class ProductQuantisation(Compressor):
    """FedLite (Wang et al., 2022; arXiv 2201.11865): smashed data are sent as codebooks and codes of their subvectors.

    Each vector of a batch is split into subvectors, and these into groups. The sender makes a codebook for each group
    by k-means. The codebooks and the code of each subvector are sent.

    The gradient that comes back for smashed data z, decoded as z~, is corrected on the device: it becomes
    grad + correction x (z - z~). One batch at a time: the correction is for the batch that was sent last.

    From the paper's abstract: clustering of the activations, and the correction. Recalled, not verified: the layout,
    and the form of the correction. Ours: a vector is all that a tensor has of one sample (a row of a weight matrix; a
    one-dimensional tensor or a number is a single vector); it is padded with zeros to a whole number of subvectors;
    groups are runs of neighbouring subvectors; k-means starts from distinct subvectors, evenly spaced in lexicographic
    order; a cluster that loses all its subvectors stays; one value that is not finite makes its whole group NaN; all
    defaults.

    Attributes:
        subvectors: how many subvectors each vector is split into.
        groups: how many groups there are, with a codebook each; the number divides that of the subvectors.
        clusters: the entries of a codebook, at most as many as there are subvectors in a group; a code has
            ceil(log2 clusters) bits.
        iterations: the iterations of k-means (Lloyd's algorithm).
        correction: the factor of the correction of smashed gradients, where smashed data were encoded; 0: none. It
            should be small, for gradients are those of the mean loss of a batch. (Bundled model, head of one block,
            digits: 2e-5 beside errors of 1, root mean square.)
    """

    name: ClassVar[str] = "product_quantisation"
    subvectors: Count = 64
    groups: Count = 1
    clusters: int = Field(16, ge=2, le=65_536)
    iterations: EpochsOrZero = 5
    correction: Factor = 0.0

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
        """Return the cost of ``encode``, which is that of k-means.

        Each search for the nearest centroids takes a multiply-add per element and cluster, and writes and reads the
        distances. Each update of a codebook takes an addition per element. The initial sort of N subvectors takes
        log2 N passes over them.
        """
        sizes = self._sizes(shape)
        elements = self.groups * sizes.points * sizes.subvector
        distances = self.groups * sizes.points * sizes.clusters
        searches, passes = self.iterations + 1, 2 * self.iterations + 2 + (sizes.points - 1).bit_length()
        return Cost(
            flops=searches * 2 * elements * sizes.clusters + self.iterations * elements,
            bytes_touched=FLOAT_BYTES * (passes * elements + 2 * searches * distances) + self.nbytes(shape),
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
