-- Events that are recorded and not applied yet: a row for each batch that was recorded together, with what is to be
-- written of its events, so that whoever is first can apply them. `oldest` is when the first of them was received.
-- Nothing is compressed, because a row lives for a fraction of a second.
create table payops.recorded_batches (
  n bigint generated always as identity primary key,
  oldest timestamptz not null,
  ids text[] not null,
  handlings jsonb not null,
  records jsonb not null
);
alter table payops.recorded_batches alter column ids set storage external;
alter table payops.recorded_batches alter column handlings set storage external;
alter table payops.recorded_batches alter column records set storage external;
-- Its rows come and go all the time.
alter table payops.recorded_batches set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_threshold = 1000000,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 10000
);
