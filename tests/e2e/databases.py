"""A database with the types and objects that a restore must bring back, and its content row by row."""

from typing import Any

from strongroom.testing.postgres import ScratchPostgres

SCHEMA = """
CREATE TYPE mood AS ENUM ('calm', 'worried');
CREATE TABLE customer (
    id bigserial PRIMARY KEY, name text NOT NULL, mood mood, tags text[], profile jsonb,
    photo bytea, balance numeric(20, 8), born date, seen timestamptz, UNIQUE (name));
CREATE TABLE purchase (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer bigint NOT NULL REFERENCES customer,
    amount double precision CHECK (amount >= 0), note text);
CREATE INDEX purchase_by_customer ON purchase (customer);
CREATE VIEW spending AS SELECT customer, sum(amount) AS total FROM purchase GROUP BY customer;
CREATE FUNCTION double_it(i integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
"""

ROWS = """
INSERT INTO customer (name, mood, tags, profile, photo, balance, born, seen)
SELECT 'ação ' || i, CASE WHEN i % 3 = 0 THEN 'calm'::mood END, ARRAY['a', NULL, i::text],
       jsonb_build_object('n', i, 'deep', jsonb_build_array(i, NULL, 'é')), sha256(i::text::bytea),
       i * 1.00000001, DATE '1970-01-01' + i % 20000, now() - i * interval '1 hour'
FROM generate_series(1, {rows}) AS i;
INSERT INTO purchase (customer, amount, note)
SELECT 1 + i % {rows}, i * 0.1, repeat(md5(i::text), i % 8) FROM generate_series(1, {rows} * 3) AS i;
SELECT lo_from_bytea(0, '\\x00ff00ff');
"""

TABLES = ("customer", "purchase", "spending")


def make_database(server: ScratchPostgres, name: str, *, rows: int) -> None:
    """Make a database with `rows` customers and three times as many purchases."""
    server.create_database(name)
    with server.connect(name) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute(ROWS.format(rows=rows).encode())


def content(server: ScratchPostgres, name: str) -> dict[str, Any]:
    """Return all rows of all tables, and what else the database is made of."""
    with server.connect(name) as connection:
        found: dict[str, Any] = {
            table: connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()).fetchall()
            for table in TABLES
        }
        found["sequence"] = connection.execute("SELECT last_value FROM customer_id_seq").fetchone()
        found["function"] = connection.execute("SELECT double_it(21)").fetchone()
        found["large objects"] = connection.execute("SELECT lo_get(oid) FROM pg_largeobject_metadata").fetchall()
        found["constraints"] = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            " ORDER BY 1"
        ).fetchall()
        found["indexes"] = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
    return found
