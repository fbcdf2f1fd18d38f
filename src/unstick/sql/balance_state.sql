-- What the catalogue knows of the balance table: kind, planner's estimate of its rows (NULL: never analysed), pages.
-- $1 table name, quoted. A partitioned table has the pages of its partitions.
-- Rights: USAGE on the schema of the table.
SELECT c.relkind::text AS kind,
       CASE WHEN c.relkind NOT IN ('v', 'f') AND c.reltuples >= 0 AND (c.relpages > 0 OR size.pages = 0)
            THEN c.reltuples::float8 END AS estimate,
       size.pages,
       extract(epoch FROM clock_timestamp())::float8 AS server_at
FROM pg_class AS c,
     LATERAL (SELECT ((CASE c.relkind
                       WHEN 'p' THEN (SELECT coalesce(sum(pg_relation_size(part.relid)), 0)
                                      FROM pg_partition_tree(c.oid) AS part WHERE part.isleaf)
                       WHEN 'v' THEN 0
                       WHEN 'f' THEN 0
                       ELSE pg_relation_size(c.oid) END)
                      / current_setting('block_size')::bigint)::bigint AS pages) AS size
WHERE c.oid = $1::text::regclass
