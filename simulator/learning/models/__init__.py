"""Models as lists of stages: their weights, their parts, and the passes of batches through a part.

So far all models classify images: they are timm's VisionTransformer, ResNet, SwinTransformer and
MlpMixer (see ``stages``).

How a model is built, loaded and adapted belongs here. Which data it is trained on, and in which order, does not.
"""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.learning.models.build")
