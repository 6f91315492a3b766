"""What `import simulator` offers Python code and notebooks: runs, sweeps and plans as data frames and figures."""

from warnings import filterwarnings

# A package that timm needs looks for ipywidgets in notebooks, and warns of what matters to its own bars only.
filterwarnings("ignore", message="IProgress not found")
