"""Several pictures of one lesion from one sitting: one answer for all of them, and its gain."""
