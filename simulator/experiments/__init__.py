"""What the commands run: a trial, a run of all trials, a sweep over many points, a plan of every cut.

Scenarios become worlds and tasks here. The package imports ``analysis`` to draw figures and reports of its results;
no package below imports it.
"""
