"""When a real trial is given up by its curve; one file for each way that a search file can name."""
