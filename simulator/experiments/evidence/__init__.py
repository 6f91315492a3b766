"""Evidence: predictions beside measurements, and published claims beside the figures of this simulator."""
