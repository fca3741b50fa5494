"""Request bodies: `100 Continue`, limits of size and time, checksums."""
