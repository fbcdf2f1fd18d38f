-- Processing and expired tasks of one task table; joined with UNION ALL over all of them.
-- Rights: SELECT (status, heartbeat) on the task table.
SELECT {number}::int AS number,
       count(*) AS processing,
       count(*) FILTER (WHERE {heartbeat}::timestamptz < now() - make_interval(secs => {grace}::float8)) AS expired
FROM {tasks}
WHERE {status} = {word}
