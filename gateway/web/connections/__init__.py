"""Client connections: they bound what arrives, give aiohttp one request at a time, and cut slow clients off."""
