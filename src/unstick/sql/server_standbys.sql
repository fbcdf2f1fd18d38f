-- The replicas of this server.
-- $1 cap.
-- Rights: pg_read_all_stats (in pg_monitor) to see their lag.
SELECT coalesce(nullif(application_name, ''), '(unnamed)') AS name,
       state,
       pg_wal_lsn_diff(
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, replay_lsn
       )::int8 AS lag_bytes,
       extract(epoch FROM replay_lag)::float8 AS lag_s
FROM pg_stat_replication
ORDER BY 3 DESC NULLS LAST, 1
LIMIT $1::bigint
