"""Client connections: what arrives is bounded, parsed one request at a time, and answered or cut in time."""
