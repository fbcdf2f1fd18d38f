-- Locks in all, expired beyond the grace, and without an end, by the clock of the database.
-- $1 grace in seconds.
-- Rights: SELECT (expires_at) on the lock table.
SELECT count(*) AS total,
       count(*) FILTER (WHERE {expires_at} < now() - make_interval(secs => $1::float8)) AS expired,
       count(*) FILTER (WHERE {expires_at} IS NULL OR {expires_at} = 'infinity') AS endless,
       extract(epoch FROM clock_timestamp())::float8 AS server_at
FROM {locks}
