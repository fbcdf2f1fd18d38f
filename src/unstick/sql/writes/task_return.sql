-- Return the tasks that are what the plan saw, and still silent, to those that wait for a worker.
-- $1 ids, $2 row versions; arrays of one length; $3 how long a task may be silent, in seconds.
-- Rights: SELECT (id, status, heartbeat, xmin) and UPDATE on the task table.
UPDATE {tasks} SET {changes}
FROM unnest($1::text[]::{id_type}[], $2::text[]) AS wanted(id, version)
WHERE {id} = wanted.id AND {version} = wanted.version AND {status} = {word}
  AND {heartbeat} < clock_timestamp() - make_interval(secs => $3::float8)
RETURNING {id}::text AS id
