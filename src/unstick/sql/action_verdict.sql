-- What became of a transaction: in progress, committed, aborted; NULL when the server no longer knows.
-- $1 its number.
-- Rights: none.
SELECT pg_xact_status($1::text::xid8) AS verdict
