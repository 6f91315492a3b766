"""Queueing disciplines: which waiting work a site serves next; one file for each, with the contract in ``base``.

A work that cannot begin at once gets its key when it starts to wait, and keeps it. When a slot gets free, the waiting
work with the smallest key begins, unless another work is writing its weights. Work in service is interrupted only where
a discipline says so (``preempts``); it gets a new key then. One discipline has no order: works share the rate
(``shares``). A scenario sets the queue of the server and of edge servers; devices serve in the order of arrival.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""
