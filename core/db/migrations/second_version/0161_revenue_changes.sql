-- Recurring revenue whose cost follows the days looked at.

-- Each change of what a customer brings in a month, in one currency: from the history of subscriptions. `previous_at` is
-- the customer's change before it, `first_at` the first of all.
create table payops.revenue_changes (
  customer_id text not null,
  currency text not null,
  at timestamptz not null,
  before_minor bigint not null,
  after_minor bigint not null,
  movement text not null check (movement in ('new', 'reactivated', 'expansion', 'contraction', 'churned')),
  previous_at timestamptz,
  first_at timestamptz not null,
  primary key (customer_id, currency, at)
);
create index revenue_changes_at on payops.revenue_changes (currency, at);
create index revenue_changes_again on payops.revenue_changes (currency, previous_at, at) where previous_at is not null;

create table payops.daily_movements (
  currency text not null,
  day date not null,
  movement text not null,
  customers bigint not null,
  before_minor bigint not null,
  after_minor bigint not null,
  primary key (currency, day, movement)
);

insert into payops.revenue_changes (customer_id, currency, at, before_minor, after_minor, movement, previous_at, first_at)
select
  c.customer_id, c.currency, c.at, c.after - c.change, c.after,
  case
    when c.after = c.change and c.previous_at is null then 'new'
    when c.after = c.change then 'reactivated'
    when c.after = 0 then 'churned'
    when c.change > 0 then 'expansion'
    else 'contraction'
  end, c.previous_at, c.first_at
from (
  select
    d.*, sum(d.change) over following as after, lag(d.at) over following as previous_at,
    first_value(d.at) over following as first_at
  from (
    select h.customer_id, h.currency, m.at, sum(m.change) as change
    from payops.subscription_history as h
    cross join lateral (values (h.starts_at, h.monthly_minor), (h.ends_at, -h.monthly_minor)) as m (at, change)
    where h.monthly_minor > 0 and h.customer_id is not null and m.at < 'infinity'
    group by h.customer_id, h.currency, m.at
    having sum(m.change) <> 0
  ) as d
  window following as (partition by d.customer_id, d.currency order by d.at)
) as c;
insert into payops.daily_movements (currency, day, movement, customers, before_minor, after_minor)
select
  c.currency, (c.at at time zone b.timezone)::date, c.movement, count(*), sum(c.before_minor), sum(c.after_minor)
from payops.revenue_changes as c, payops.business as b
group by 1, 2, 3;


-- How many more customers paid at the end of a month than before it, by the month in which they first paid.
create table payops.cohort_changes (
  currency text not null,
  cohort date not null,
  month date not null,
  customers bigint not null,
  primary key (currency, cohort, month)
);
insert into payops.cohort_changes (currency, cohort, month, customers)
select
  c.currency, date_trunc('month', c.first_at at time zone b.timezone)::date,
  date_trunc('month', c.at at time zone b.timezone)::date, sum(case c.movement when 'churned' then -1 else 1 end)
from payops.revenue_changes as c, payops.business as b
where c.movement in ('new', 'reactivated', 'churned')
group by 1, 2, 3;

create index subscription_history_trials on payops.subscription_history (currency, ends_at)
include (starts_at, customer_id) where status = 'trialing';
create index subscription_history_leaving on payops.subscription_history (currency, ends_at)
where scheduled_to_cancel;
create index subscription_history_paused on payops.subscription_history (currency, ends_at)
where pause_behavior is not null;
create index subscriptions_items on payops.subscriptions using gin (items jsonb_path_ops);
create index subscriptions_past_due on payops.subscriptions (id) where status = 'past_due';
create index subscription_history_price on payops.subscription_history ((item ->> 'price_id'));
