-- Nobody else does the same now: until this transaction ends, or its server throws it out.
-- $1 name of the action.
-- Rights: none.
SELECT pg_try_advisory_xact_lock(hashtextextended('unstick ' || $1::text, 0)) AS alone
