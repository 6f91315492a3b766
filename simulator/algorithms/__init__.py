"""Ways of training together, one file each."""
