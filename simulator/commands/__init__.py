"""The commands of `sfsim`, each of them thin: what it does is done elsewhere."""
