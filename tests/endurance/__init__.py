"""What must stay flat and whole when clients, files and the process itself leave in the middle."""
