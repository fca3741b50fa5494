-- The whole database. Idempotent: applying it again changes nothing.
-- `schema_version` says which version of this file the database has; later versions migrate from it.
-- Ids are random 12-digit integers (they fit a JavaScript number), sizes are 64-bit, times are UTC.

CREATE OR REPLACE FUNCTION random_id() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    -- gen_random_uuid() is strong randomness; 12 digits without a leading zero.
    SELECT 100000000000 + (('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))::bit(48)::bigint
                           % 900000000000)
$$;
