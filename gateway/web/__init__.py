"""The HTTP layer, which reads requests and writes responses. Only it and gateway/assembly/serving.py import aiohttp."""
