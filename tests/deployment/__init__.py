"""A real deployment, small: what a scenario predicts for each round, against the seconds of real processes.

``make fidelity`` runs it, as root. Each site is a process in a network namespace of its own, behind links that ``tc``
shapes, with a share of a core that a control group grants.
"""
