"""Resources stay bounded and responses exact when clients, files or the process itself end in the middle."""
