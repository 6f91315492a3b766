"""Deterministic k-means (Lloyd, 1982), on several sets of points at once."""

from __future__ import annotations

import torch
from torch import Tensor


def kmeans(points: Tensor, clusters: int, iterations: int) -> Tensor:
    """Return the centroids of each set of points.

    The initial centroids are distinct points, evenly spaced in lexicographic order. With as many clusters as distinct
    points, nothing is lost. A cluster to which no point is nearest stays where it is, so the loss never grows. If a
    point of a set is not finite, all centroids of that set are NaN.

    Args:
        points: R sets of N points with S coordinates each, [R, N, S].
        clusters: the number of centroids of each set.
        iterations: the number of iterations of Lloyd's algorithm.

    Returns:
        The centroids, [R, clusters, S].
    """
    centroids = torch.stack([_spaced(group, clusters) for group in points])
    for _ in range(iterations):
        member = torch.nn.functional.one_hot(nearest(points, centroids), clusters).to(points.dtype)
        sizes = member.sum(dim=1)[..., None]
        means = (member.transpose(1, 2) @ points) / sizes.clamp_min(1)
        centroids = torch.where(sizes > 0, means, centroids)
    finite = points.isfinite().flatten(1).all(dim=1)
    return centroids.masked_fill(~finite[:, None, None], torch.nan)  # a NaN need not have reached any centroid


def nearest(points: Tensor, centroids: Tensor) -> Tensor:
    """Return the index of the centroid nearest to each point, the first among equally near ones.

    Args:
        points: [R, N, S].
        centroids: [R, clusters, S].

    Returns:
        The indices, int64 [R, N].
    """
    lengths = centroids.square().sum(dim=-1)[:, None, :]  # the point's own length is the same for all centroids
    return torch.baddbmm(lengths, points, centroids.transpose(1, 2), alpha=-2).argmin(dim=-1)


def _spaced(points: Tensor, clusters: int) -> Tensor:
    """Return initial centroids, evenly spaced among the sorted distinct points."""
    distinct = points.unique(dim=0)
    return distinct[torch.arange(clusters, device=points.device) * len(distinct) // clusters]
