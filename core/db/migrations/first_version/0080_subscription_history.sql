-- The history of subscriptions: what each was said to be and when, and from that, what each of its items brought in a
-- month from when until when. Figures read the history alone.

-- What a coupon takes off: a percentage, or an amount in each currency it is for.
create table payops.coupons (
  like payops.mirrored including defaults,
  duration text not null,
  duration_in_months integer,
  percent_off numeric,
  amounts_off jsonb not null default '{}',
  primary key (id)
);

-- The products that a coupon is limited to. A table of its own, since Stripe tells it only when it is asked for it.
create table payops.coupon_products (
  like payops.mirrored including defaults,
  products jsonb not null,
  primary key (id)
);

-- A coupon redeemed for a customer, a subscription or one of its items.
create table payops.discounts (
  like payops.mirrored including defaults,
  coupon_id text not null,
  customer_id text,
  subscription_id text,
  subscription_item_id text,
  of_one_invoice boolean not null default false,
  starts_at timestamptz not null,
  ends_at timestamptz,
  deleted_at timestamptz,
  primary key (id)
);
create index discounts_coupon on payops.discounts (coupon_id);
create index discounts_customer on payops.discounts (customer_id);
create index discounts_subscription on payops.discounts (subscription_id);

-- A price's tiers, which Stripe tells only when it is asked for them.
create table payops.price_tiers (
  like payops.mirrored including defaults,
  tiers jsonb not null,
  primary key (id)
);

alter table payops.subscriptions add column pause_behavior text, add column discounts jsonb;

-- What a subscription was said to be at a moment, by an event or an answer of Stripe's; `previous` is what the event
-- said that it was just before.
create table payops.subscription_snapshots (
  like payops.mirrored including defaults,
  subscription_id text not null,
  state jsonb not null,
  previous jsonb,
  primary key (id)
);
create index subscription_snapshots_of on payops.subscription_snapshots (subscription_id, as_of);

-- What each item of a subscription was in [starts_at, ends_at). `price_minor` is its price of a month after recurring
-- discounts, `monthly_minor` what of that counts as recurring revenue: nothing on trial, unpaid or paused.
create table payops.subscription_history (
  subscription_id text not null,
  starts_at timestamptz not null,
  item_place integer not null,
  ends_at timestamptz not null,
  item_id text,
  customer_id text,
  currency text,
  status text not null,
  pause_behavior text,
  scheduled_to_cancel boolean not null,
  item jsonb not null,
  discounts jsonb not null,
  price_minor bigint not null,
  monthly_minor bigint not null,
  primary key (subscription_id, starts_at, item_place),
  check (starts_at < ends_at)
);
create index subscription_history_paying on payops.subscription_history (currency, starts_at, ends_at)
include (customer_id, monthly_minor) where monthly_minor > 0;
create index subscription_history_present on payops.subscription_history (currency, ends_at) include (starts_at, status);

-- What was written and is not yet in the history: a subscription, a customer with a discount, a coupon or a price.
create table payops.stale_subscriptions (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('subscription', 'customer', 'coupon', 'price')),
  object_id text not null
);

-- The terms of coupons and prices that the history was built with: it is built anew only where they are others.
create table payops.terms_in_history (
  kind text not null check (kind in ('coupon', 'price')),
  object_id text not null,
  terms jsonb not null,
  primary key (kind, object_id)
);

-- What of this was already asked of Stripe, so that what it does not have is not asked for again and again.
create table payops.asked_terms (
  object_id text primary key,
  asked_at timestamptz not null
);

-- An installation from before: its present rows, and what its events said.
insert into payops.subscription_snapshots
  (id, livemode, created, as_of, state_rank, event_id, subscription_id, state)
select
  s.id || ' ' || s.as_of, s.livemode, s.created, s.as_of, s.state_rank, 'fetch', s.id,
  to_jsonb(s) - '{id,livemode,created,as_of,state_rank,event_id,tied,order_id,patient_id,latest_invoice_id}'::text[]
from payops.subscriptions as s;
insert into payops.subscription_snapshots
  (id, livemode, created, as_of, state_rank, event_id, subscription_id, state)
select
  c.id, c.livemode, s.created, c.created, c.state_rank, c.id, c.subscription_id,
  to_jsonb(s) - '{id,livemode,created,as_of,state_rank,event_id,tied,order_id,patient_id,latest_invoice_id}'::text[]
  || jsonb_build_object('items', c.items)
  || case
    when e.id is null then jsonb_build_object(
      'status', case when s.ended_at <= c.created then s.status else 'active' end,
      'ended_at', case when s.ended_at <= c.created then s.ended_at end
    )
    else jsonb_build_object(
      'status', e.payload -> 'object' -> 'status',
      'ended_at', to_timestamp((e.payload -> 'object' ->> 'ended_at')::double precision),
      'trial_start', to_timestamp((e.payload -> 'object' ->> 'trial_start')::double precision),
      'trial_end', to_timestamp((e.payload -> 'object' ->> 'trial_end')::double precision),
      'pause_behavior', e.payload -> 'object' -> 'pause_collection' -> 'behavior'
    )
  end
from payops.subscription_changes as c
inner join payops.subscriptions as s on c.subscription_id = s.id
left join payops.events as e on c.id = e.id;
insert into payops.stale_subscriptions (kind, object_id) select 'subscription', id from payops.subscriptions;
drop table payops.subscription_changes;
