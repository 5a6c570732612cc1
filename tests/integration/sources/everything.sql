CREATE SCHEMA sales;
CREATE TYPE sales.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN sales.positive AS integer CHECK (VALUE > 0);
CREATE TYPE sales.place AS (street text, number integer);

CREATE TABLE sales.customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE CHECK (email LIKE '%@%'),
    feeling sales.mood DEFAULT 'ok',
    home sales.place,
    born date,
    picture bytea,
    extra jsonb,
    tags text[],
    grid integer[][],
    amount numeric(40, 20),
    share double precision,
    seen timestamptz,
    local timestamp(6),
    span interval,
    place inet,
    key uuid,
    flags bit varying(9),
    period tstzrange,
    score sales.positive,
    full_name text GENERATED ALWAYS AS (upper(name)) STORED
);
INSERT INTO sales.customer
    (name, email, feeling, home, born, picture, extra, tags, grid, amount, share, seen, local, span, place, key, flags,
     period, score)
VALUES
    ('Ada', 'ada@example.org', 'happy', ('Main "st"', 5), '0044-03-15 BC', '\x00ff5c0a0d'::bytea,
     '{"a": [1, null, "\u00e9"], "b": {}}', ARRAY['x', NULL, 'a,b', '"q"', ''], '{{1,2},{3,NULL}}',
     12345678901234567890.12345678901234567890, 'NaN', '2024-02-29 23:59:59.999999+05:30', 'infinity',
     '1 year 2 mons -3 days 04:05:06.7', '2001:db8::1/64', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', B'101',
     '[2024-01-01,2024-02-01)', 7),
    (E'tab\tline\nback\\slash \U0001F600 \u0416', NULL, NULL, NULL, NULL, '\x', 'null', '{}', '{}', 0.1, '-Infinity',
     '-infinity', NULL, '0', '0.0.0.0/0', NULL, B'', 'empty', NULL);
INSERT INTO sales.customer (name, picture, extra)
    SELECT 'bulk ' || n, decode(md5(n::text), 'hex'), jsonb_build_object('n', n) FROM generate_series(1, 5000) AS n;

CREATE SEQUENCE sales.invoice_number START 1000 INCREMENT 5;
SELECT nextval('sales.invoice_number'), nextval('sales.invoice_number');
CREATE TABLE sales.invoice (
    number bigint PRIMARY KEY DEFAULT nextval('sales.invoice_number'),
    customer bigint NOT NULL REFERENCES sales.customer ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    day date NOT NULL
) PARTITION BY RANGE (number);
CREATE TABLE sales.invoice_low PARTITION OF sales.invoice FOR VALUES FROM (0) TO (1100);
CREATE TABLE sales.invoice_high PARTITION OF sales.invoice DEFAULT;
INSERT INTO sales.invoice (customer, day) SELECT 1 + n % 7, DATE '2024-01-01' + n FROM generate_series(1, 50) AS n;

CREATE INDEX customer_tags ON sales.customer USING gin (tags);
CREATE UNIQUE INDEX customer_name ON sales.customer (lower(name)) WHERE email IS NOT NULL;
CREATE VIEW sales.happy AS SELECT id, name FROM sales.customer WHERE feeling = 'happy';
CREATE MATERIALIZED VIEW sales.per_customer AS SELECT customer, count(*) FROM sales.invoice GROUP BY customer;
CREATE FUNCTION sales.double(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT x * 2';
CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.seen := 'epoch'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON sales.customer FOR EACH ROW EXECUTE FUNCTION sales.touch();
ALTER TABLE sales.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON sales.customer USING (name = current_user);
COMMENT ON TABLE sales.customer IS 'People; "quoted" and '' too';
CREATE TABLE "Odd ""Name""; DROP" ("Sp ace" text);
CREATE TABLE nothing ();
SELECT lo_from_bytea(4242, decode(repeat('00ff10', 3000), 'hex'));
