-- Workers: what they process and when they last gave a sign of life, from the parts task_signs.sql and proxy_signs.sql.
-- $1 workers, $2 how long a task may be silent, in seconds; $3 grace in seconds, where others are asked for too.
-- Rights: those of the parts.
SELECT worker_id, sum(processing)::bigint AS processing, sum(expired)::bigint AS expired, max(sign_at) AS sign_at
FROM ({signs}) AS sign
WHERE worker_id <> ''
GROUP BY worker_id
