-- What Stripe last said of our webhook endpoint, in one row. `answered_at` is when it last answered, `problem` why it
-- did not answer since. `undelivered` are events of the last three days that Stripe could not deliver, at most 100;
-- `missing` those of them that payops does not have.
create table payops.webhook_endpoint (
  only_row boolean primary key default true check (only_row),
  asked_at timestamptz not null,
  answered_at timestamptz,
  problem text,
  endpoint jsonb,
  undelivered integer not null default 0,
  missing integer not null default 0,
  oldest_missing timestamptz
);
