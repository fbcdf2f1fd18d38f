-- The rows of a plan as they are now.
-- $1 ids.
-- Rights: SELECT (id, in_use, worker, xmin) on the proxy table.
SELECT {id}::text AS id, coalesce({worker}::text, '') AS worker_id, {in_use} AS in_use, p.xmin::text AS version
FROM {proxies} WHERE {id} = ANY($1::text[]::{id_type}[])
