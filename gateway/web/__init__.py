"""The HTTP layer: it reads requests and writes responses. Only it and gateway/assembly/serving.py import aiohttp."""
