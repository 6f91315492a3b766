"""Who chooses where the model is cut: one small class each."""
