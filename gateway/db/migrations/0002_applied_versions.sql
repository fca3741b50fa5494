-- Older gateways keep working: they read version 1 here and find it.
-- The versions that a database has are a set: migrations are numbered by whoever writes them, not by when they are applied.
ALTER TABLE schema_version DROP COLUMN only_row;
ALTER TABLE schema_version ADD PRIMARY KEY (version);
ALTER TABLE schema_version ADD COLUMN older_programs_work boolean NOT NULL DEFAULT false;
