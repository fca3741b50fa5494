"""The fast path: repeated range requests answered before aiohttp parses them."""
