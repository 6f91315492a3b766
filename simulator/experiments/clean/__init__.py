"""What runs have left that is of no use any more: found by its content, told, and removed."""
