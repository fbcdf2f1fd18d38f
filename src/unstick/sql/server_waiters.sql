-- Sessions that wait for a lock, the longest first, with the first of those who block them. Who waits for the end of
-- another transaction holds a place in the queue for the row that it wants: that lock names the table.
-- $1 watched tables, quoted; $2 cap.
-- Rights: pg_read_all_stats (in pg_monitor) to see what the blocker does.
WITH here AS (
    SELECT l.pid, l.locktype, l.granted,
           CASE WHEN d.oid IS NOT NULL THEN l.relation::int8 END AS relation,
           CASE WHEN NOT l.granted THEN (to_jsonb(l) ->> 'waitstart')::timestamptz END AS waits_since
    FROM pg_locks AS l
    LEFT JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database()
), waiters AS (
    SELECT pid,
           min(waits_since) AS waits_since,
           coalesce(max(relation) FILTER (WHERE NOT granted),
                    max(relation) FILTER (WHERE locktype = 'tuple'))::oid AS relation
    FROM here
    GROUP BY pid
    HAVING bool_or(NOT granted)
), counted AS (
    SELECT w.*, watched.name AS watched,
           count(*) OVER () AS total,
           count(*) OVER (PARTITION BY watched.name) AS at_watched
    FROM waiters AS w
    LEFT JOIN unnest($1::text[]) AS watched(name) ON to_regclass(watched.name) = w.relation
), longest AS (
    SELECT c.*, a.application_name, coalesce(c.waits_since, a.query_start) AS since
    FROM counted AS c
    LEFT JOIN pg_stat_activity AS a ON a.pid = c.pid
    ORDER BY 8 NULLS LAST, c.pid
    LIMIT $2::bigint
)
SELECT w.pid,
       coalesce(nullif(w.application_name, ''), '(unnamed)') AS application,
       extract(epoch FROM w.since)::float8 AS since_at,
       (SELECT c.relname::text FROM pg_class AS c WHERE c.oid = w.relation) AS relation,
       w.watched,
       w.at_watched,
       w.total,
       b.pid AS blocker_pid,
       coalesce(nullif(b.application_name, ''), '(unnamed)') AS blocker,
       b.state AS blocker_state,
       extract(epoch FROM b.xact_start)::float8 AS blocker_began_at
FROM longest AS w
LEFT JOIN pg_stat_activity AS b ON b.pid = (pg_blocking_pids(w.pid))[1]
ORDER BY w.since NULLS LAST, w.pid
