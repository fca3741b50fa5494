"""Running processes: listening sockets, workers under a supervisor, and draining before a stop."""
