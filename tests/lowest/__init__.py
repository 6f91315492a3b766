"""The lowest versions of packages that `pyproject.toml` allows, in an environment of their own."""
