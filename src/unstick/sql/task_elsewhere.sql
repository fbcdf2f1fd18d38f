-- Tables beside the mapped ones that look like task tables: whoever works there is not seen.
-- $1 mapped tables, quoted, $2 names of status columns, $3 names of worker columns.
-- Rights: none.
WITH mapped AS (SELECT c.oid, c.relnamespace
                FROM unnest($1::text[]) AS wanted(name) JOIN pg_class AS c ON c.oid = to_regclass(wanted.name))
SELECT c.oid::regclass::text AS name
FROM pg_class AS c
WHERE strpos('rp', c.relkind::text) > 0 AND NOT c.relispartition
  AND EXISTS (SELECT FROM mapped WHERE mapped.relnamespace = c.relnamespace)
  AND NOT EXISTS (SELECT FROM mapped WHERE mapped.oid = c.oid)
  AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = ANY ($2::text[]))
  AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = ANY ($3::text[]))
ORDER BY 1
LIMIT 5
