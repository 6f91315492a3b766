"""The cost of work, the size of payloads, the ledger of a run, and the use of resources computed from its rows.

Nothing here needs a clock or a tensor: it imports neither simpy nor torch, and of our packages only ``settings``.
"""
