-- What the tasks of one table say of workers; a part of holder_signs.sql.
-- Rights: SELECT (worker, status, heartbeat) on the task table.
SELECT {worker}::text AS worker_id,
       CASE WHEN {status} = {word} THEN 1 ELSE 0 END AS processing,
       CASE WHEN {status} = {word} AND {heartbeat} < clock_timestamp() - make_interval(secs => $2::float8)
            THEN 1 ELSE 0 END AS expired,
       0 AS held,
       {beat_at} AS sign_at
FROM {tasks}
WHERE {worker} = ANY($1::text[]::{worker_type}[]){others}
