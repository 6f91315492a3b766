"""Checks by outsiders: small programs that drive the product and know nothing of how it is made.

``python -m tests.audits`` runs those that take a few minutes at most, ``python -m tests.audits NAME`` the ones that are
named. Each prints its figure last, and exits 0 or 1. pytest does not collect them.
"""
