"""The samplers of searches, which suggest the next point; one file for each that a search file can name."""
