-- Which person at the OpenID provider a member of staff is, linked at their first sign-in there.
create table payops.staff_identities (
  issuer text not null,
  subject text not null,
  name text not null references payops.staff (name) on delete cascade,
  linked_at timestamptz not null,
  primary key (issuer, subject),
  unique (issuer, name)
);

-- Identities that have opened a session: each does so once. The digest is of the provider's token.
create table payops.used_identities (
  token_sha256 text primary key,
  used_at timestamptz not null
);
create index used_identities_at on payops.used_identities (used_at);
