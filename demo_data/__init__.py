"""The demo world: the schema, the seed data and the programs that live on them."""
