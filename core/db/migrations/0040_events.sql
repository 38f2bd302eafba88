-- What became of an event says why, also where that is no error; each later try is remembered, and by whom.
alter table payops.event_handlings rename column error to reason;
create index event_handlings_unsettled on payops.event_handlings (outcome, handled_at)
where outcome in ('failed', 'dead', 'quarantined');

create table payops.event_attempts (
  id bigint generated always as identity primary key,
  event_id text not null,
  at timestamptz not null,
  actor text not null,
  outcome text not null,
  reason text
);
create index event_attempts_event on payops.event_attempts (event_id, id);

-- From where an event came first; null for one that we fetched ourselves.
alter table payops.events add column received_from text;

-- A promotion code, and the coupon it stands for.
create table payops.promotion_codes (
  like payops.mirrored including defaults,
  coupon_id text,
  customer_id text,
  active boolean not null,
  expires_at timestamptz,
  max_redemptions integer,
  times_redeemed integer not null default 0,
  primary key (id)
);
create index promotion_codes_tied on payops.promotion_codes (as_of) where tied;
