"""k-means (Lloyd, 1982), several sets of points side by side; nothing is drawn at random."""

from __future__ import annotations

import torch
from torch import Tensor


def kmeans(points: Tensor, clusters: int, iterations: int) -> Tensor:
    """Centroids [R, clusters, S] of points [R, N, S].

    It starts from distinct points, evenly spaced in lexicographic order: with as many clusters as there are such
    points nothing is lost. A cluster that no point is nearest to stays where it is, so the loss never grows. Of points
    that are not all finite the centroids are NaN.
    """
    centroids = torch.stack([_spaced(each, clusters) for each in points])
    for _ in range(iterations):
        member = torch.nn.functional.one_hot(nearest(points, centroids), clusters).to(points.dtype)
        sizes = member.sum(dim=1)[..., None]
        means = (member.transpose(1, 2) @ points) / sizes.clamp_min(1)
        centroids = torch.where(sizes > 0, means, centroids)
    finite = points.isfinite().flatten(1).all(dim=1)
    return centroids.masked_fill(~finite[:, None, None], torch.nan)  # else what is no start, or joins none, is lost


def nearest(points: Tensor, centroids: Tensor) -> Tensor:
    """The index [R, N] of the centroid nearest to each point, the first of equals."""
    lengths = centroids.square().sum(dim=-1)[:, None, :]  # what a point adds by its own length is the same for all
    return torch.baddbmm(lengths, points, centroids.transpose(1, 2), alpha=-2).argmin(dim=-1)


def _spaced(points: Tensor, clusters: int) -> Tensor:
    distinct = points.unique(dim=0)
    return distinct[torch.arange(clusters, device=points.device) * len(distinct) // clusters]
