"""Pre-training a model on one machine, for scenarios to start from: plain PyTorch, no simulated clock."""
