-- A random sample: rows of a random part of the pages, all pages when the table is small.
-- $1 percent of the pages, $2 rows.
-- Rights: SELECT (id, balance) on the balance table.
SELECT {id}::text AS id, {balance}::text AS balance
FROM {balances} TABLESAMPLE SYSTEM ($1::float4)
ORDER BY random()
LIMIT $2::bigint
