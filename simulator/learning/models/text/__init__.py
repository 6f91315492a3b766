"""Language models: their configurations, the published ones by name, and their weights from files of several kinds."""
