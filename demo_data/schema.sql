-- The tables of the demo world: crawler proxies and tasks, task locks, balances.

CREATE TABLE proxies (
  id          bigserial PRIMARY KEY,
  address     text NOT NULL UNIQUE,
  is_in_use   boolean NOT NULL DEFAULT false,
  is_blocked  boolean NOT NULL DEFAULT false,
  worker_id   text,                             -- '<container>_<n>', for example 8b4f59aa_3
  updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX proxies_in_use_worker_idx ON proxies (worker_id) WHERE is_in_use;
CREATE INDEX proxies_free_idx ON proxies (id) WHERE NOT is_in_use AND NOT is_blocked;

CREATE TABLE catalog_tasks (
  id            bigserial PRIMARY KEY,
  status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'done', 'failed')),
  worker_id     text,
  heartbeat_at  timestamptz,
  url           text,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX catalog_tasks_processing_worker_idx ON catalog_tasks (worker_id) WHERE status = 'processing';
CREATE INDEX catalog_tasks_pending_idx ON catalog_tasks (id) WHERE status = 'pending';

CREATE TABLE object_tasks (
  id            bigserial PRIMARY KEY,
  status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'done', 'failed')),
  worker_id     text,
  heartbeat_at  timestamptz,
  url           text,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX object_tasks_processing_worker_idx ON object_tasks (worker_id) WHERE status = 'processing';
CREATE INDEX object_tasks_pending_idx ON object_tasks (id) WHERE status = 'pending';

-- The table of the Django model dashboard.TaskLock.
CREATE TABLE dashboard_tasklock (
  id           bigserial PRIMARY KEY,
  kind         varchar(32) NOT NULL,
  task_id      bigint NOT NULL,
  worker_id    varchar(128) NOT NULL DEFAULT '',
  acquired_at  timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,                     -- NULL: a lock without an end
  UNIQUE (kind, task_id)
);
CREATE INDEX tasklock_expires_idx ON dashboard_tasklock (expires_at);
CREATE INDEX tasklock_worker_idx ON dashboard_tasklock (worker_id);

CREATE TABLE users (
  id           bigint PRIMARY KEY,
  telegram_id  bigint NOT NULL UNIQUE,
  is_blocked   boolean NOT NULL DEFAULT false
);

CREATE TABLE user_balances (
  user_id         bigint PRIMARY KEY REFERENCES users (id),
  telegram_id     bigint,
  balance         numeric(18,2) NOT NULL DEFAULT 0,
  last_synced_at  timestamptz,
  updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX user_balances_synced_idx ON user_balances (last_synced_at);
