-- When each of some workers last took a lock, whichever it was; the clock stands in every row.
-- $1 workers.
-- Rights: SELECT (worker, acquired_at) on the lock table.
SELECT {worker}::text AS worker_id, max({acquired_at}) AS taken_at,
       extract(epoch FROM clock_timestamp())::float8 AS server_at
FROM {locks}
WHERE {worker}::text = ANY($1::text[])
GROUP BY 1
