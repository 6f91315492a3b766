"""Cut policies: where the model is cut for each device; one file for each, with the contract in ``base``.

A policy is called before a trial starts: once for each class of devices (same group, equally many samples; in a large
population, those that are much alike), and once more if the algorithm needs one cut for all devices. The costs from
which it chooses are those of dry runs, which ``experiments.trial.cut_search`` makes. ``fixed`` is never called.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""
