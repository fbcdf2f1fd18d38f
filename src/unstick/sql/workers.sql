-- Every worker that holds a proxy or processes a task: holders without a task first, then the longest silent.
-- Rights: SELECT (in_use, worker, changed_at) on the proxy table, and those of task_rows.sql.
WITH busy AS (
  SELECT task.worker_id, count(*) AS processing, max(task.beat_at) AS task_beat_at
  FROM ({task_rows}) AS task
  GROUP BY task.worker_id
), holding AS (
  SELECT {worker}::text AS worker_id, count(*) AS proxies, max({changed_at}) AS proxy_changed_at
  FROM {proxies}
  WHERE {in_use} AND {worker}::text <> ''
  GROUP BY 1
)
SELECT worker_id,
       coalesce(proxies, 0) AS proxies,
       coalesce(processing, 0) AS processing,
       task_beat_at,
       proxy_changed_at,
       count(*) OVER () AS worker_count
FROM holding FULL JOIN busy USING (worker_id)
ORDER BY processing IS NULL DESC, greatest(task_beat_at, proxy_changed_at) NULLS FIRST, worker_id
LIMIT {cap}::bigint
