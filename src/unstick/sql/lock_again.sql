-- The locks of a plan as they are now.
-- $1 ids.
-- Rights: SELECT (id, worker, xmin) on the lock table.
SELECT {id}::text AS id, coalesce({worker}::text, '') AS worker_id, l.xmin::text AS version
FROM {locks} WHERE {id} = ANY($1::text[]::{id_type}[])
