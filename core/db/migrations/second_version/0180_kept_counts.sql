-- What takes long to count is counted by the worker, and shown from here while it is fresh.
create table payops.kept_counts (
  subject text primary key,
  asked_with text not null,
  as_of timestamptz not null,
  counted_at timestamptz not null,
  took interval not null,
  items bigint not null,
  at_stake jsonb not null,
  oldest timestamptz
);
