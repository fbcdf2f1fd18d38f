-- Processing tasks of one table whose worker has been silent for too long, longest first.
-- $1 how long a task may be silent, in seconds, $2 worker (NULL: any), $3 what its id begins with (NULL: anything), $4 cap.
-- Rights: SELECT (id, worker, status, heartbeat, xmin) on the task table.
SELECT {id}::text AS id, {worker}::text AS worker_id, {version} AS version, {beat_at} AS beat_at
FROM {tasks}
WHERE {status} = {word} AND {worker}::text <> ''
  AND {heartbeat} < clock_timestamp() - make_interval(secs => $1::float8)
  AND ($2::text IS NULL OR {worker}::text = $2::text)
  AND ($3::text IS NULL OR starts_with({worker}::text, $3::text))
ORDER BY 4, 1
LIMIT $4::bigint
