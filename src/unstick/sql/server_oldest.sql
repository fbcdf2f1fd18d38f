-- The oldest open transaction of a client that may be seen.
-- Rights: pg_read_all_stats (in pg_monitor) to see those of other roles.
SELECT pid,
       coalesce(nullif(application_name, ''), '(unnamed)') AS application,
       state,
       extract(epoch FROM xact_start)::float8 AS began_at
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY xact_start
LIMIT 1
