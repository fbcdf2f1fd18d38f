-- Which server and database this is. The identity differs between servers, and changes with a failover.
-- Rights: none.
SELECT (pg_control_system()).system_identifier::text || '/' || (pg_control_checkpoint()).timeline_id::text
         || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())::text AS identity,
       current_user::text AS role,
       pg_is_in_recovery() AS standby,
       current_setting('track_commit_timestamp')::boolean AS dates_commits,
       extract(epoch FROM clock_timestamp())::float8 AS server_at
