-- Proxy pool totals in one pass over the table.
-- Rights: SELECT (in_use, blocked, worker) on the proxy table.
SELECT count(*) AS total,
       count(*) FILTER (WHERE {in_use}) AS in_use,
       count(*) FILTER (WHERE {blocked} AND {in_use} IS NOT TRUE) AS blocked,
       count(*) FILTER (WHERE {in_use} AND coalesce({worker}::text, '') = '') AS unowned,
       extract(epoch FROM clock_timestamp())::float8 AS server_at
FROM {proxies}
