"""Sources of the Python wrapper. `npm run wrappers` joins them into templates/python/.interface.py."""
