"""The HTTP room: read the request, ask, answer. The only room (with server.py's runner) that knows aiohttp."""
