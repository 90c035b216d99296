"""From a manifest to a trained run: plan, batches, losses, and the loop."""
