-- A sample of whatever has no pages to choose from (a view, a foreign table): random among the first rows.
-- $1 rows to look at, $2 rows.
-- Rights: SELECT (id, balance) on the balance table or view.
SELECT head.id, head.balance
FROM (SELECT {id}::text AS id, {balance}::text AS balance FROM {balances} LIMIT $1::bigint) AS head
ORDER BY random()
LIMIT $2::bigint
