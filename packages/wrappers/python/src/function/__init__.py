"""The user's function: finding it, and the arguments of its calls."""
