-- Proxies in use of which no worker is named.
-- $1 cap.
-- Rights: SELECT (id, in_use, worker) on the proxy table.
SELECT {id}::text AS id FROM {proxies} WHERE {in_use} AND coalesce({worker}::text, '') = '' ORDER BY {id} LIMIT $1::bigint
