"""What work costs, what crosses a wire, and the one record of it all: pure functions of rows.

Nothing here has a clock or a tensor: it imports neither simpy nor torch, and of our rooms only ``settings``.
"""
