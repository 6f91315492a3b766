"""Data sets of images with labels, one file for each that a scenario can name; ``base`` has the interface."""
