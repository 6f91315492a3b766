"""A scenario at many points, each trial kept under the hash of what it is."""
