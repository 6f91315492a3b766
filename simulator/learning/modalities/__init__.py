"""What a sample is to a model: an image or a text, and how it becomes what the first stage takes."""

from __future__ import annotations

from simulator.learning.modalities.base import Modality
from simulator.learning.modalities.images import ImageModality
from simulator.learning.modalities.texts import TextModality

__all__ = ["ImageModality", "Modality", "TextModality"]
