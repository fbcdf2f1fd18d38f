-- The state of the demo world before anybody works: the same rows every time, instants relative to now.

-- 100 proxies: 27 blocked by the sites, nobody uses any.
INSERT INTO proxies (address, is_blocked, updated_at)
SELECT format('10.20.%s.%s:8080', (g - 1) / 25, 10 + (g - 1) % 25),
       (g * 37) % 100 < 27,
       now() - g * interval '1 minute'
FROM generate_series(1, 100) g;

-- Catalogue pages and single objects to fetch; a part of them is done.
INSERT INTO catalog_tasks (status, url, created_at)
SELECT CASE WHEN g <= 60 THEN 'done' WHEN g <= 64 THEN 'failed' ELSE 'pending' END,
       'https://shop.example/catalog/' || g,
       now() - (300 - g) * interval '10 seconds'
FROM generate_series(1, 240) g;

INSERT INTO object_tasks (status, url, created_at)
SELECT CASE WHEN g <= 40 THEN 'done' WHEN g <= 42 THEN 'failed' ELSE 'pending' END,
       'https://shop.example/object/' || (1000 + g),
       now() - (300 - g) * interval '10 seconds'
FROM generate_series(1, 160) g;

-- 500 users, every 25th has blocked the bot; balances as the last sync left them.
INSERT INTO users (id, telegram_id, is_blocked)
SELECT g, 523700000 + g, g % 25 = 0
FROM generate_series(1, 500) g;

INSERT INTO user_balances (user_id, telegram_id, balance, last_synced_at, updated_at)
SELECT g, 523700000 + g, ((g * 7919) % 1000000) / 100.0, now(), now()
FROM generate_series(1, 500) g;

ANALYZE;
