-- Who is connected to what: version, role and its powers, process, clock, standby, mode of this transaction, connections.
-- Rights: none.
SELECT current_setting('server_version') AS version,
       current_user::text AS role,
       pg_backend_pid() AS pid,
       r.rolsuper AS superuser,
       r.rolconnlimit AS role_limit,
       current_setting('max_connections')::int AS server_limit,
       pg_is_in_recovery() AS standby,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
       current_setting('transaction_read_only') AS read_only,
       extract(epoch FROM clock_timestamp())::float8 AS server_at
FROM pg_roles AS r
WHERE r.rolname = current_user
