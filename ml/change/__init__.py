"""Two pictures of one lesion: brought onto each other, and what changed between them."""
