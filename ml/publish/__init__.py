"""From a trained run to a release: calibration, export, parity, model card."""
