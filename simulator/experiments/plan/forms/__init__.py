"""The analytic twins of the algorithms that have one, a file each, with inputs from a scenario's model and world."""
