"""Who looked at, changed, exported or deleted what, in a log that only grows.

Imports accounts.
"""
