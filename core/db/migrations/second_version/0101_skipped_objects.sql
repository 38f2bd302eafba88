-- Objects that background work skipped because they could not be fetched or read, until it looks at them again.
create table payops.skipped_objects (
  task text not null,
  object_id text not null,
  reason text not null,
  skipped_at timestamptz not null,
  retry_at timestamptz not null,
  primary key (task, object_id)
);
