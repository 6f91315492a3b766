"""Plans: what a round takes at every cut of every algorithm, and where one overtakes another, without training.

Closed forms give the rounds where they hold, and dry runs everywhere else.
"""
