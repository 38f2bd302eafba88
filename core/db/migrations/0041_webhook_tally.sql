-- What was refused at the webhook, or came again from elsewhere, by minute, sender and reason; kept for 30 days.
create table payops.webhook_rejections (
  minute timestamptz not null,
  address text not null,
  reason text not null,
  times bigint not null,
  primary key (minute, address, reason)
);

-- How often each of the endpoint's secrets verified an event, by day; known by its fingerprint alone.
create table payops.webhook_secret_uses (
  fingerprint text not null,
  day date not null,
  times bigint not null,
  last_used_at timestamptz not null,
  primary key (fingerprint, day)
);
