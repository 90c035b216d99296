"""The camera page, an app of its own on the phone."""
