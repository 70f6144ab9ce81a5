"""Waiting warm for a function."""
