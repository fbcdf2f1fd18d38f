-- The tasks of a plan as they are now.
-- $1 ids.
-- Rights: SELECT (id, worker, status, xmin) on the task table.
SELECT {id}::text AS id, coalesce({worker}::text, '') AS worker_id, {status} = {word} AS processing, {version} AS version
FROM {tasks} WHERE {id} = ANY($1::text[]::{id_type}[])
