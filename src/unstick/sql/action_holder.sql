-- Who does the same action at this moment.
-- $1 name of the action.
-- Rights: none; what a session calls itself is visible to all.
SELECT a.application_name AS application, a.pid
FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('unstick ' || $1::text, 0)
LIMIT 1
