-- Held proxies whose named worker processes nothing in any task table, longest unchanged first.
-- Rights: SELECT (id, in_use, worker, changed_at, xmin) on the proxy table, and those of no_task.sql.
SELECT {id}::text AS id,
       {worker}::text AS worker_id,
       {version} AS version,
       {changed_at} AS changed_at,
       count(*) OVER () AS candidate_count
FROM {proxies}
WHERE {in_use} AND {worker}::text <> '' AND {no_task}
ORDER BY 4 NULLS FIRST, {id}
LIMIT {cap}::bigint
