"""A machine of one's own, measured: what a scenario's stages take on it becomes a device that scenarios can name."""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.calibration.calibrate")
