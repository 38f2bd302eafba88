-- The row that /readyz writes, to find out whether the database still takes writes: a full disk answers reads for long.
create table payops.write_probe (
  only_row boolean primary key default true check (only_row),
  written_at timestamptz not null
);
insert into payops.write_probe (written_at) values ('epoch');
