"""Where images and labels come from, one file for each that a scenario can name; ``base`` has the contract."""
