"""The log of who looked at, changed, exported or deleted what; it only grows."""
