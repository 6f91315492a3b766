"""Analytic twins: closed forms of one round of an algorithm, exact under assumptions that each of them names.

They are pure functions of seconds, FLOPs and bytes. A twin takes the seconds of each work and of each transfer, however
these were found; ``papers`` computes them from FLOPs and rates as the field does. Unless a docstring says otherwise, a
twin assumes that every device has a link of its own (the server's links never limit it), and that no work waits at the
server. Then it equals the simulator, latency, labels, optimizer steps and the weighted mean included. What is marked
[D] was derived here, [M] was recalled and not verified, and [3P] comes from a third party; none of these is a statement
of a paper.
"""
