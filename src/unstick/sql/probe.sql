-- The first column of the first row of a query of the configuration, as text of at most 100 characters.
-- It stands in parentheses: a second statement, or one that is no query, does not parse.
-- Rights: whatever the query reads.
SELECT left(value::text, 100) AS value FROM (
{query}
) AS probe(value) LIMIT 1
