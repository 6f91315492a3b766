"""Queueing disciplines: which waiting work a site serves next; one file for each, with the contract in ``base``."""
