"""Evidence: published claims, each checked by a scenario with tolerances that its file states beforehand."""
