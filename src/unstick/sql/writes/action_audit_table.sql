-- The table that gets a row in the transaction of every action; unstick grants prints this, nobody runs it by himself.
-- Rights: CREATE on the schema.
CREATE TABLE IF NOT EXISTS {audit} (
  plan_id text NOT NULL,
  action text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  context text NOT NULL,
  changed jsonb NOT NULL
);
