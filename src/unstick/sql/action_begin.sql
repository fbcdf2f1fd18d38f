-- The first statement of an action: nobody else does the same now, and the transaction has a number to be asked by.
-- $1 name of the action.
-- Rights: none.
SELECT pg_try_advisory_xact_lock(hashtextextended('unstick ' || $1::text, 0)) AS alone,
       pg_current_xact_id()::text AS xid,
       extract(epoch FROM clock_timestamp())::float8 AS server_at
