"""What every cut of every algorithm would take, and where one way overtakes another: dry runs alone."""
