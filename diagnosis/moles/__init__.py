"""Moles: what a person follows over time, and is reminded of."""
