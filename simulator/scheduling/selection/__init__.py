"""Client selection: which clients take part in a round; one file for each policy, with the contract in ``base``.

The driver calls the policy. ``synchronous`` does so at the start of each round, before the clock moves on. A policy can
ask what a round of a client would cost (``client.forecast``); one that looks at tensor values, such as the losses that
clients report (``losses``), says so, and a dry run refuses it.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""
