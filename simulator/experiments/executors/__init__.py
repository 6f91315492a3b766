"""Executors: where the trials of a run, a sweep or a search are computed."""
