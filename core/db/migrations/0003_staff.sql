-- The staff: who may sign in, where they are signed in, and who tried to.

create table payops.staff (
  name text primary key check (name ~ '^[a-z][a-z0-9._-]{0,31}$'),
  role text not null check (role in ('ops', 'support', 'finance', 'admin')),
  email text not null check (email like '_%@_%'),
  password_hash text not null,
  active boolean not null default true,
  must_change_password boolean not null,
  created_at timestamptz not null,
  password_changed_at timestamptz not null
);

-- A session is opened by a sign-in. Its one-time ticket is then exchanged for the cookie's token: of both, and of
-- nothing else that opens a session, only keyed hashes are stored.
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
  revoked_by text
);
create index staff_sessions_name on payops.staff_sessions (name, opened_at);

-- An attempt counts as failed from the moment it begins, so that many at once cannot pass the limit together.
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
