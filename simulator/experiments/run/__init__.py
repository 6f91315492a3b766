"""All trials of a scenario, and the folder they leave."""
