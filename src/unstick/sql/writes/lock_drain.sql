-- Delete the locks that are what the plan saw: one that was renewed or taken again has another version.
-- $1 ids, $2 row versions; arrays of one length.
-- Rights: SELECT (id, xmin) and DELETE on the lock table.
DELETE FROM {locks}
USING unnest($1::text[]::{id_type}[], $2::text[]) AS wanted(id, version)
WHERE {id} = wanted.id AND l.xmin::text = wanted.version
RETURNING {id}::text AS id
