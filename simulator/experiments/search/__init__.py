"""Searches: points of a scenario that a sampler suggests, one after the other, by what the earlier ones gave."""
