-- Free the rows that are what the plan saw, and whose worker processes nothing in any task table.
-- $1 ids, $2 row versions, $3 workers; arrays of one length.
-- Rights: SELECT (id, in_use, worker, xmin) and UPDATE (in_use, worker, changed_at) on the proxy table, and those of
-- no_task.sql.
UPDATE {proxies} SET {changes}
FROM unnest($1::text[]::{id_type}[], $2::text[], $3::text[]) AS wanted(id, version, worker_id)
WHERE {id} = wanted.id AND p.xmin::text = wanted.version AND {worker}::text = wanted.worker_id AND {in_use}
  AND {no_task}
RETURNING {id}::text AS id
