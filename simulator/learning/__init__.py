"""Models in stages, parts, passes, data: plain torch. Knows nothing of clocks; imports no simpy."""
