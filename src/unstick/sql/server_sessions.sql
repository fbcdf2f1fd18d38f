-- Client connections by application and state; the total counts those of the groups that are left out.
-- $1 cap.
-- Rights: pg_read_all_stats (in pg_monitor) to see the state of other roles' sessions.
SELECT coalesce(nullif(application_name, ''), '(unnamed)') AS application,
       state,
       count(*) AS count,
       (sum(count(*)) OVER ())::int8 AS total
FROM pg_stat_activity
WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
LIMIT $1::bigint
