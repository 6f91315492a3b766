"""Ways of sending fewer bytes, one file each."""
