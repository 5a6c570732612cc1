-- The sample database: the types and objects that real ones have, and the same rows every time.
CREATE TYPE order_state AS ENUM ('open', 'paid', 'shipped', 'returned');
CREATE TABLE customer (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE,
    born date,
    tags text[] NOT NULL,
    profile jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE "order" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customer (id),
    state order_state NOT NULL,
    amount numeric(12, 2) CHECK (amount >= 0),
    weight double precision,
    shipped interval,
    note text
);
CREATE INDEX order_by_customer ON "order" (customer_id) WHERE state <> 'returned';
CREATE TABLE document (id serial PRIMARY KEY, name text NOT NULL, body bytea NOT NULL, digest text NOT NULL);
CREATE TABLE "Ünusual ""name""" (id int PRIMARY KEY, value text);
CREATE VIEW revenue AS
    SELECT c.id, sum(o.amount) AS amount FROM customer c JOIN "order" o ON o.customer_id = c.id GROUP BY c.id;

SELECT setseed(0.42);
INSERT INTO customer
    SELECT md5('customer' || n)::uuid, 'Customer ' || n || ' Žluťoučký 顧客 ' || chr(9731), 'c' || n || '@example.org',
        date '1950-01-01' + n % 20000, ARRAY['a' || n % 7, 'quoted "tag"', NULL],
        jsonb_build_object('n', n, 'nested', jsonb_build_array(n, NULL, n / 3.0, 'x')),
        timestamptz '2020-01-01 00:00:00.123456+00' + n * interval '1.5 minutes'
    FROM generate_series(1, 20000) n;
INSERT INTO "order" (customer_id, state, amount, weight, shipped, note)
    SELECT md5('customer' || 1 + n % 20000)::uuid,
        (ARRAY['open', 'paid', 'shipped', 'returned'])[1 + n % 4]::order_state,
        (random() * 1000)::numeric(12, 2),
        CASE n % 100 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' ELSE random() END,
        n * interval '7 seconds',
        CASE WHEN n % 5 = 0 THEN NULL ELSE repeat('note ' || n || E'\t\\', n % 9) END
    FROM generate_series(1, 60000) n;
INSERT INTO document (name, body, digest)
    SELECT 'document ' || n, body, md5(body) FROM (
        SELECT n, decode(string_agg(md5(n || ':' || part), ''), 'hex') AS body
        FROM generate_series(1, 400) n, generate_series(1, 1000 + n) part GROUP BY n
    ) made;
INSERT INTO "Ünusual ""name""" VALUES (1, ''), (2, NULL), (3, E'line\nbreak');
