"""The cost of a stage: FLOPs, memory, and names for the pieces of work that a real machine can be timed on.

The reference is torch's own FLOP count; a test checks that both agree. Nothing here runs a model for its result.
"""
