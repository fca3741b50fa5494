-- Older gateways keep working: the indexes have the same columns in the same order, and one more at their end.
-- Takes no time, but locks out readers. In the transaction of 0021, which locks out writers while it builds the indexes, it
-- would be in a deadlock with each transaction that has read recordings and then waits to write one.
-- In a database that had an earlier 0021, the indexes have these names already.
DO $$
BEGIN
    IF to_regclass('recordings_newest_with_duration') IS NOT NULL THEN
        DROP INDEX recordings_newest, recordings_by_type;
        ALTER INDEX recordings_newest_with_duration RENAME TO recordings_newest;
        ALTER INDEX recordings_by_type_with_duration RENAME TO recordings_by_type;
    END IF;
END
$$;
