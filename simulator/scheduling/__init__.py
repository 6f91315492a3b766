"""Who works when: each family is a package with its contract in ``base`` and one file for each choice.

It knows algorithms by their contract alone.
"""
