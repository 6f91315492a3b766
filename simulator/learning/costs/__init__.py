"""What a stage asks, counted: FLOPs, memory, and names for the pieces that a machine can be timed on.

Truth is torch's own count (a test holds them equal). Nothing here runs a model for its result.
"""
