"""The database: asyncpg and SQL, and nothing of HTTP or of bytes at rest.

Statements are `Final` constants above the method that runs them; a test prepares each one against
`schema.sql`. Every method of the catalogue is owner-scoped in its SQL, not after it.
"""
