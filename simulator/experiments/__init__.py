"""What a command runs: a trial, a run of all trials, a sweep over many points, a plan of every cut.

Here scenarios become worlds and tasks. It imports ``analysis`` to draw what it leaves; nothing below imports it.
"""
