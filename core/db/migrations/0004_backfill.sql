-- How far each kind of object has been listed, newest first, for a backfill that starts at `since` ('-infinity':
-- everything).
create table payops.backfill_places (
  source text not null,
  since timestamptz not null,
  last_id text,
  objects integer not null,
  done boolean not null,
  at timestamptz not null,
  primary key (source, since)
);
