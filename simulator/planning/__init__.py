"""Planning: what every cut of every algorithm would take, and where one way overtakes another. Dry runs only."""
