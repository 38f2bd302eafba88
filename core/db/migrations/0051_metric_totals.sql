-- What is counted for those who watch from outside, each thing once: all that happened until `counted_until`.
create table payops.metric_totals (
  name text not null,
  labels jsonb not null default '{}',
  value double precision not null,
  primary key (name, labels)
);
create table payops.metric_clock (
  only_row boolean primary key default true check (only_row),
  counted_until timestamptz not null default '-infinity'
);
insert into payops.metric_clock default values;

-- How often a process had trouble with this database, by what kind; told once it answers again.
create table payops.database_errors (
  code text primary key,
  times bigint not null,
  last_at timestamptz not null
);
