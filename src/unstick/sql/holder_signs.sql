-- Workers: what they process and when they last gave a sign of life, from the parts task_signs.sql and proxy_signs.sql.
-- The clock stands in every row, and in one without a worker when there are none.
-- $1 workers, $2 how long a task may be silent, in seconds; $3 grace in seconds, where others are asked for too.
-- Rights: those of the parts.
SELECT clock.server_at, sign.worker_id, sum(sign.processing)::bigint AS processing,
       sum(sign.expired)::bigint AS expired, sum(sign.held)::bigint AS held, max(sign.sign_at) AS sign_at
FROM (SELECT extract(epoch FROM clock_timestamp())::float8 AS server_at) AS clock
LEFT JOIN ({signs}) AS sign ON sign.worker_id <> ''
GROUP BY 1, 2
