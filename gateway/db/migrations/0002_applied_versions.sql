-- Older gateways keep working: they read version 1 here and find it.
-- The applied versions are a set: a migration gets its number when it is written, and may be applied after a higher one.
ALTER TABLE schema_version DROP COLUMN only_row;
ALTER TABLE schema_version ADD PRIMARY KEY (version);
ALTER TABLE schema_version ADD COLUMN older_programs_work boolean NOT NULL DEFAULT false;
