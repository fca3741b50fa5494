-- Older gateways keep working: they have no query that uses the index.
CREATE INDEX media_files_unfinished ON media_files ((metadata->>'unfinished_session'))
    WHERE metadata ? 'unfinished_session';
