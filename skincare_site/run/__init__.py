"""`make run`: the servers that the service needs and its own processes, on one machine."""
