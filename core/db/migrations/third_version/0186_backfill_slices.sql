-- A long list of a backfill is read in slices of time: from second `starts` on and before `ends`. The list itself is in
-- backfill_places, which counts what was read before it was divided.
create table payops.backfill_slices (
  source text not null,
  since timestamptz not null,
  starts bigint not null,
  ends bigint not null,
  last_id text,
  objects integer not null default 0,
  done boolean not null default false,
  primary key (source, since, starts)
);
