"""Who waits for whom: drivers own the loop of rounds."""
