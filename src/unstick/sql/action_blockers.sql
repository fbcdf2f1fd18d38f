-- Who keeps a table from being locked against writers, longest first.
-- $1 table names, quoted.
-- Rights: none; what a session calls itself is visible to all.
SELECT l.relation::regclass::text AS name, l.pid,
       coalesce(nullif(a.application_name, ''), a.backend_type, '') AS application
FROM pg_locks AS l
JOIN pg_stat_activity AS a USING (pid)
JOIN unnest($1::text[]) AS wanted(name) ON l.relation = to_regclass(wanted.name)
WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
  AND l.mode <> ALL (ARRAY['AccessShareLock', 'RowShareLock', 'ShareLock'])
ORDER BY a.backend_start
LIMIT 3
