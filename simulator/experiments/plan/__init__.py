"""Plans: what a round takes at every cut of every algorithm, and where one overtakes another, from closed forms where they hold, and from dry runs."""
