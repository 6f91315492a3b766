"""A model of one's own, trained on one machine for scenarios to start from: plain PyTorch, no simulated clock."""
