-- Held proxies of named workers, longest unchanged first. written_at: the row was written then or later, whatever its
-- own changed_at says, because rows that were written before it are no older.
-- $1 worker (NULL: any), $2 what its id begins with (NULL: anything), $3 cap.
-- Rights: SELECT (id, in_use, worker, changed_at, xmin) on the proxy table.
SELECT pool.id, pool.worker_id, pool.version, pool.written_at, pool.committed_at, count(*) OVER () AS held
FROM (SELECT {id}::text AS id, {worker}::text AS worker_id, {in_use} AS in_use, p.xmin::text AS version,
             max({changed_at}) OVER (ORDER BY age(p.xmin) DESC) AS written_at, {committed_at} AS committed_at
      FROM {proxies}) AS pool
WHERE pool.in_use AND pool.worker_id <> ''
  AND ($1::text IS NULL OR pool.worker_id = $1::text)
  AND ($2::text IS NULL OR starts_with(pool.worker_id, $2::text))
ORDER BY 4 NULLS FIRST, 1
LIMIT $3::bigint
