"""Who chooses where the model is cut for a device, one file for each policy; ``base`` has the contract."""
