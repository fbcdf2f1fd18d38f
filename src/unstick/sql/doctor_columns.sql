-- For every mapped column: whether its table and it are there, and whether this role may read it. Where the table is
-- not found: a schema that has one of that name.
-- $1 schemas (empty: by the search path), $2 tables, $3 columns; arrays of one length.
-- Rights: none.
SELECT wanted.place,
       c.oid IS NOT NULL AS has_table,
       coalesce(has_schema_privilege(c.relnamespace, 'USAGE'), false) AS may_enter,
       a.attname IS NOT NULL AS has_column,
       coalesce(has_column_privilege(c.oid, a.attnum, 'SELECT'), false) AS may_read,
       CASE WHEN c.oid IS NULL THEN (SELECT min(n.nspname::text) FROM pg_class AS o
                                     JOIN pg_namespace AS n ON n.oid = o.relnamespace
                                     WHERE o.relname = wanted.name AND strpos('rpvmf', o.relkind::text) > 0)
       END AS elsewhere
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted(schema, name, col, place)
LEFT JOIN LATERAL (SELECT o.oid, o.relnamespace
                   FROM pg_class AS o JOIN pg_namespace AS n ON n.oid = o.relnamespace
                   WHERE o.relname = wanted.name AND strpos('rpvmf', o.relkind::text) > 0
                     AND (n.nspname = wanted.schema OR (wanted.schema = '' AND pg_table_is_visible(o.oid)))
                   LIMIT 1) AS c ON true
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = wanted.col AND NOT a.attisdropped
ORDER BY wanted.place
