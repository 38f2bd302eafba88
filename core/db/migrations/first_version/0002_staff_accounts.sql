-- Staff accounts, their sessions and sign-in attempts.

-- `second_factor_sealed` is the authenticator app's secret, encrypted with a key that is not in the database;
-- `second_factor_step` is the time step of the last code used; `recovery_hashes` are the unused recovery codes.
create table payops.staff (
  name text primary key check (name ~ '^[a-z][a-z0-9._-]{0,31}$'),
  role text not null check (role in ('ops', 'support', 'finance', 'admin')),
  email text not null check (email like '_%@_%'),
  password_hash text not null,
  active boolean not null default true,
  must_change_password boolean not null,
  created_at timestamptz not null,
  password_changed_at timestamptz not null,
  second_factor_sealed text,
  second_factor_step bigint not null default 0,
  recovery_hashes text[] not null default '{}'
);

-- Signing in opens a session with a one-time ticket, which is exchanged for the cookie's token; both are stored as
-- keyed hashes only. `second_factor_at` is when the session passed the second factor, `confirmed_at` when its user
-- last proved to be present.
create table payops.staff_sessions (
  id uuid primary key default gen_random_uuid(),
  name text not null references payops.staff (name),
  ticket_hash text unique,
  ticket_expires_at timestamptz,
  token_hash text unique,
  opened_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null,
  address text not null,
  device text not null,
  revoked_at timestamptz,
  revoked_by text,
  second_factor_at timestamptz,
  confirmed_at timestamptz
);
create index staff_sessions_name on payops.staff_sessions (name, opened_at);

-- An attempt counts as failed from its start, so that many attempts at once cannot pass the limit together.
create table payops.sign_in_attempts (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  subject text not null,
  address text not null,
  outcome text not null default 'failed' check (outcome in ('failed', 'succeeded', 'forgiven'))
);
create index sign_in_attempts_subject on payops.sign_in_attempts (subject, at) where outcome = 'failed';
create index sign_in_attempts_address on payops.sign_in_attempts (address, at) where outcome = 'failed';
create index sign_in_attempts_at on payops.sign_in_attempts (at);
