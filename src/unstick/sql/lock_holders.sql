-- Locks per worker, most first.
-- $1 cap.
-- Rights: SELECT (worker) on the lock table.
SELECT coalesce({worker}::text, '') AS worker_id, count(*) AS locks
FROM {locks}
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $1::bigint
