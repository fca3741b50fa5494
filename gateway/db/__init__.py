"""Implements the catalogue's protocols in PostgreSQL with asyncpg and SQL. Nothing here speaks HTTP or reads media.

Statements are `Final` constants above the method that runs them; a test prepares each one against
`schema.sql`. A method that takes an owner restricts its SQL to that owner, instead of filtering rows afterwards.
"""
