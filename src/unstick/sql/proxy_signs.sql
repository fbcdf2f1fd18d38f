-- When proxies were last written by or for their holders; a part of holder_signs.sql.
-- Rights: SELECT (in_use, worker, changed_at) on the proxy table.
SELECT {worker}::text AS worker_id, 0 AS processing, 0 AS expired, 1 AS held, {written_at} AS sign_at
FROM {proxies}
WHERE {in_use} AND ({worker} = ANY($1::text[]::{worker_type}[]){others})
