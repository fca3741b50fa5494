-- Older gateways keep working: only triggers of the database write this table.
-- A sequence goes on where its transaction is rolled back. A dry run of a move must leave nothing behind.
ALTER TABLE account_bytes ALTER COLUMN id DROP IDENTITY;
ALTER TABLE account_bytes ALTER COLUMN id SET DATA TYPE uuid USING gen_random_uuid();
ALTER TABLE account_bytes ALTER COLUMN id SET DEFAULT gen_random_uuid();
