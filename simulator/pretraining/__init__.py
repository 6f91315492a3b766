"""Pre-training: a model trained on one machine for scenarios to start from, in plain PyTorch without simulated time."""
