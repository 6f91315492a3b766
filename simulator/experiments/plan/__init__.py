"""Plans: what a round takes at every cut of every algorithm, and where one overtakes another, from dry runs alone."""
