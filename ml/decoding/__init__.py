"""What files hold: kinds, their limits, and the colours they mean. Serves ml.images; no pages."""
