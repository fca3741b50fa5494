"""The definitions of a database's objects, from PostgreSQL's system catalogue."""

from typing import Final

import asyncpg

OBJECTS: Final = """
    SELECT 'column' AS kind, format('%s.%s', c.relname, a.attname) AS name,
           concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                     'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), 'IDENTITY ' || nullif(a.attidentity::text, ''),
                     'GENERATED ' || nullif(a.attgenerated::text, '')) AS definition
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0
      AND NOT a.attisdropped
    UNION ALL
    SELECT 'constraint', format('%s.%s', conrelid::regclass, conname), pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'trigger', format('%s.%s', tgrelid::regclass, tgname), pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'relation', c.oid::regclass::text, c.relkind::text || coalesce(c.reloptions::text, '')
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'extension', extname, extversion FROM pg_extension
"""


async def catalogue_of(pool: asyncpg.Pool) -> dict[tuple[str, str], str]:
    """The definition of every column, constraint, index, trigger and function; the order of columns is ignored."""
    return {(row["kind"], row["name"]): row["definition"] for row in await pool.fetch(OBJECTS)}
