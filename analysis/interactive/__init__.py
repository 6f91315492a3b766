"""The interactive figures of reports: each module turns frames into one figure, as JSON for Plotly."""
