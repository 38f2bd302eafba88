-- What a subscription consisted of when each of its events was told: today's prices say nothing of last year's revenue.
create table payops.subscription_changes (
  like payops.mirrored including defaults,
  subscription_id text not null,
  items jsonb not null,
  primary key (id)
);
create index subscription_changes_of on payops.subscription_changes (subscription_id, created, id);
