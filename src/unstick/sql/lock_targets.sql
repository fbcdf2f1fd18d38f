-- Locks with what decides about them: those expired beyond the grace first, then those without an end, then the rest.
-- $1 worker (NULL: any), $2 grace in seconds, $3 cap.
-- Rights: SELECT (id, kind, task, worker, acquired_at, expires_at, xmin) on the lock table.
SELECT {id}::text AS id,
       coalesce({kind}::text, '') AS kind,
       coalesce({task}::text, '') AS task_id,
       coalesce({worker}::text, '') AS worker_id,
       l.xmin::text AS version,
       {acquired_at} AS acquired_at,
       {ends_at} AS ends_at,
       coalesce({expires_at} < clock_timestamp() - make_interval(secs => $2::float8), false) AS expired,
       {expires_at} IS NULL OR {expires_at} = 'infinity' AS endless,
       count(*) OVER () AS total
FROM {locks}
WHERE $1::text IS NULL OR {worker}::text = $1::text
ORDER BY 8 DESC, 9 DESC, 7, 1
LIMIT $3::bigint
