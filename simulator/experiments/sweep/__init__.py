"""Sweeps: a scenario at many points, with each trial stored under the hash of everything that defines it."""
