"""The figures that a report draws with Plotly: a file a figure, each from frames to Plotly's own JSON."""
