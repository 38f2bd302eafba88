-- Each time that a customer began or stopped to have a subscription on trial, in one currency: from the history of
-- subscriptions; and summed by day, so that how many were on trial at a moment costs the days, not the subscriptions.
create table payops.trial_changes (
  customer_id text not null,
  currency text not null,
  at timestamptz not null,
  change integer not null check (change in (1, -1)),
  primary key (customer_id, currency, at)
);
create index trial_changes_at on payops.trial_changes (currency, at);

create table payops.daily_trials (
  currency text not null,
  day date not null,
  customers bigint not null,
  primary key (currency, day)
);

insert into payops.trial_changes (customer_id, currency, at, change)
select c.customer_id, c.currency, c.at, case when c.after > 0 then 1 else -1 end
from (
  select d.*, sum(d.change) over (partition by d.customer_id, d.currency order by d.at) as after
  from (
    select h.customer_id, h.currency, m.at, sum(m.change) as change
    from payops.subscription_history as h
    cross join lateral (values (h.starts_at, 1), (h.ends_at, -1)) as m (at, change)
    where h.status = 'trialing' and h.customer_id is not null and h.currency is not null and m.at < 'infinity'
    group by h.customer_id, h.currency, m.at
    having sum(m.change) <> 0
  ) as d
) as c
where (c.after > 0) <> (c.after - c.change > 0);
insert into payops.daily_trials (currency, day, customers)
select c.currency, (c.at at time zone b.timezone)::date, sum(c.change)
from payops.trial_changes as c, payops.business as b
group by 1, 2;
drop index payops.subscription_history_trials;
