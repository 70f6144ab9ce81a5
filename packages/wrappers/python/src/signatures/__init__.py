"""Functions of other platforms."""
