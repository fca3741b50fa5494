"""The PostgreSQL server that comes with the package, for `database.url: embedded`."""
