-- The last 60 seconds of each caller of the payment API, a count for each second, so that a limit slides with the clock.
drop table payops.api_turns;
create table payops.api_turns (
  caller text primary key,
  last_second bigint not null, -- the Unix second of the newest request
  counts integer [] not null check (cardinality(counts) = 60) -- at position 1 + second % 60
);
