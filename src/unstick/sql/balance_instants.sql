-- The newest and the oldest finite synced_at. Two ends of an index where there is one, else one pass over the table.
-- Rights: SELECT (synced_at) on the balance table.
SELECT extract(epoch FROM max({synced_at})::timestamptz)::float8 AS newest_at,
       extract(epoch FROM min({synced_at})::timestamptz)::float8 AS oldest_at
FROM {balances}
WHERE {synced_at} > '-infinity' AND {synced_at} < 'infinity'
