-- Lock the rows of a plan, in the order of their ids; rows that somebody is changing are left to him.
-- $1 ids.
-- Rights: SELECT (id) and UPDATE on the proxy table.
SELECT {id}::text AS id FROM {proxies} WHERE {id} = ANY($1::text[]::{id_type}[]) ORDER BY {id} FOR UPDATE SKIP LOCKED
