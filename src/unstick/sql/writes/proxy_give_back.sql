-- Give rows back to those from whom they were freed, as long as nobody has written them since.
-- $1 ids, $2 row versions, $3 workers; arrays of one length.
-- Rights: SELECT (id, in_use, xmin) and UPDATE (in_use, worker, changed_at) on the proxy table.
UPDATE {proxies} SET {returns}
FROM unnest($1::text[]::{id_type}[], $2::text[], $3::text[]::{worker_type}[]) AS wanted(id, version, worker_id)
WHERE {id} = wanted.id AND p.xmin::text = wanted.version AND {in_use} IS NOT TRUE
RETURNING {id}::text AS id
