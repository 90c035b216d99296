"""Pictures made here: phantoms for the demo, and what the network must refuse."""
