"""What a database holds, in a form that can be compared with another."""

from typing import Any

from psycopg import sql

from strongroom.testing.postgres import ScratchPostgres

_CATALOG_QUERIES = {
    "tables": """
        SELECT table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
               udt_name, is_identity, is_generated
          FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')""",
    "indexes": "SELECT schemaname, tablename, indexdef FROM pg_indexes WHERE schemaname <> 'pg_catalog'",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE connamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')""",
    "views": "SELECT schemaname, viewname, definition FROM pg_views WHERE schemaname = 'sales'",
    "functions": "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace::regnamespace::text = 'sales'",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "policies": "SELECT tablename, policyname, qual FROM pg_policies",
    "enums": "SELECT enumtypid::regtype::text, enumlabel FROM pg_enum",
    "sequences": "SELECT schemaname, sequencename, last_value, increment_by FROM pg_sequences",
    "comments": "SELECT description FROM pg_description WHERE objoid = to_regclass('sales.customer')",
    "large objects": "SELECT oid::text, lo_get(oid) FROM pg_largeobject_metadata",
}
_RELATIONS = """
    SELECT relnamespace::regnamespace::text, relname FROM pg_class
     WHERE relkind IN ('r', 'p', 'm') AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
"""


def contents(server: ScratchPostgres, database: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table as text, and the definition of everything else."""
    with server.connect(database) as connection:
        found = {
            what: sorted(connection.execute(query.encode()).fetchall()) for what, query in _CATALOG_QUERIES.items()
        }
        for schema, name in connection.execute(_RELATIONS).fetchall():
            table = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema.strip('"'), name))
            found[f"rows of {schema}.{name}"] = sorted(connection.execute(table).fetchall())
    return found
