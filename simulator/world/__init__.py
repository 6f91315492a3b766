"""The simulated world: a clock, sites that serve works, links that share their rate, clients, processes and memory.

It knows time and bytes, and nothing of learning: it imports no torch, and of our packages only ``accounting`` and
``settings``. What is done to a payload on its way is in ``transport``; who works when is in ``scheduling``.
"""
