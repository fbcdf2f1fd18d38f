-- Locks: the most overdue first, then those without an end (oldest first), then the rest by their end.
-- A lock that ended at -infinity shows the earliest instant that PostgreSQL has (4714-11-24 BC).
-- $1 grace in seconds, $2 cap.
-- Rights: SELECT (id, kind, task, worker, acquired_at, expires_at) on the lock table.
SELECT {id}::text AS id,
       coalesce({kind}::text, '') AS kind,
       coalesce({task}::text, '') AS task_id,
       coalesce({worker}::text, '') AS worker_id,
       {acquired_at} AS acquired_at,
       CASE WHEN {expires_at} = '-infinity' THEN -210866803200::float8 ELSE {ends_at} END AS expires_at
FROM {locks}
ORDER BY CASE WHEN {expires_at} < now() - make_interval(secs => $1::float8) THEN 0
              WHEN {expires_at} IS NULL OR {expires_at} = 'infinity' THEN 1
              ELSE 2 END,
         nullif({expires_at}, 'infinity'),
         5 NULLS LAST,
         {id}
LIMIT $2::bigint
