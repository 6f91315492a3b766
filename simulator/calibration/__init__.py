"""Calibration: measure a machine of your own, and turn it into a device that scenarios can name."""

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.calibration.calibrate")
