-- The processing tasks of one task table with their workers; a part of workers.sql.
-- Rights: SELECT (worker, status, heartbeat) on the task table.
SELECT {worker}::text AS worker_id, {beat_at} AS beat_at
FROM {tasks}
WHERE {status} = {word} AND {worker}::text <> ''
