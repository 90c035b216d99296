"""All that is kept about a person, to take away and to delete."""
