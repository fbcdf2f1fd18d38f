-- What the catalogue knows of the balance table: kind, planner's estimate of its rows (NULL: never analysed), pages,
-- and whether an index leads with the column of its instants.
-- $1 table name, quoted; $2 that column. A partitioned table has the pages of its partitions.
-- Rights: USAGE on the schema of the table.
SELECT c.relkind::text AS kind,
       CASE WHEN c.relkind NOT IN ('v', 'f') AND c.reltuples >= 0 AND (c.relpages > 0 OR size.pages = 0)
            THEN c.reltuples::float8 END AS estimate,
       size.pages,
       EXISTS (SELECT FROM pg_index AS i
               JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND a.attname = $2::text) AS ordered,
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
