-- Every object of the simulated Stripe as JSON, with the columns that lists filter by.
create table if not exists objects (
    seq integer primary key,
    id text not null,
    type text not null,
    created integer not null,
    customer text,
    parent text,
    sibling text,
    status text,
    body blob not null
);
-- What Stripe knows and never shows: how a test card behaves, an account's next invoice number.
create table if not exists hidden (id text primary key, body blob not null) without rowid;
-- What will happen by itself, and when (seconds since 1970, sandbox time).
create table if not exists due (seq integer primary key, at integer not null, kind text not null, ref text not null);
create table if not exists events (
    seq integer primary key, id text not null, type text not null, created integer not null, body blob not null
);
create table if not exists endpoints (
    id text primary key, url text not null unique, duplicate real not null default 0,
    reorder integer not null default 0, paused integer not null default 0
);
-- One row an event and endpoint that has not been answered 2xx yet; `due_at` is wall time.
create table if not exists deliveries (
    seq integer primary key, event_id text not null, endpoint_id text not null,
    attempts integer not null default 0, first_at real not null, due_at real not null, last_outcome text
);
-- What the intake form has to post: a submission, or news of a consultation's end; `due_at` is wall time.
create table if not exists forms (seq integer primary key, path text not null, body blob not null, due_at real not null);
create table if not exists answers (
    key text primary key, fingerprint blob not null, status integer not null, body blob not null,
    request_id text not null, created integer not null
) without rowid;
