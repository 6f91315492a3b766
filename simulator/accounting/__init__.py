"""What work costs, what crosses a wire, and the one record of it all."""
