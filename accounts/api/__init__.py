"""People by REST: signing up, tokens, the own account."""
