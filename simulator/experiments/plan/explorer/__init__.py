"""The closed forms of a scenario as programs, with which a page answers what-ifs at once."""
