-- Why a customer left, beside the change with which they did; and summed by the pairs of changes that a period holds, each
-- change also as a pair with itself.
alter table payops.revenue_changes add column lost_reason text, add column lost_feedback text;
create table payops.loss_pairs (
  currency text not null,
  first_length smallint not null,
  last_length smallint not null,
  first_day date not null,
  last_day date not null,
  reason text not null,
  feedback text not null,
  customers bigint not null,
  amount_minor bigint not null,
  primary key (currency, first_length, last_length, first_day, last_day, reason, feedback)
);
update payops.revenue_changes as c set
  lost_reason = case
    when n.status = 'unpaid' then 'unpaid'
    when n.pause_behavior is not null or n.status = 'paused' then 'paused'
    when n.status is not null then 'free'
    else coalesce(s.cancellation_reason, 'not_said')
  end,
  lost_feedback = case when n.status is null then s.cancellation_feedback end
from (
  select h.customer_id, h.currency, h.ends_at, min(h.subscription_id) as subscription_id
  from payops.subscription_history as h
  where h.monthly_minor > 0 and h.ends_at < 'infinity'
  group by h.customer_id, h.currency, h.ends_at
) as l
left join payops.subscriptions as s on l.subscription_id = s.id
left join (
  select distinct on (h.subscription_id, h.starts_at) h.subscription_id, h.starts_at, h.status, h.pause_behavior
  from payops.subscription_history as h
  order by h.subscription_id, h.starts_at, h.item_place
) as n on l.subscription_id = n.subscription_id and l.ends_at = n.starts_at
where c.after_minor = 0 and c.customer_id = l.customer_id and c.currency = l.currency and c.at = l.ends_at;
insert into payops.loss_pairs (
  currency, first_length, last_length, first_day, last_day, reason, feedback, customers, amount_minor
)
select
  d.currency, f.length, l.length, d.first_day - (d.first_day - date '0001-01-01') % f.length,
  d.last_day - (d.last_day - date '0001-01-01') % l.length, d.reason, d.feedback, sum(d.customers), sum(d.amount_minor)
from (
  select
    s.currency, (f.at at time zone b.timezone)::date as first_day, (s.at at time zone b.timezone)::date as last_day,
    m.reason, coalesce(m.feedback, '') as feedback, sum(m.times) as customers, sum(m.times * m.minor) as amount_minor
  from payops.revenue_changes as s
  inner join payops.revenue_changes as f on s.customer_id = f.customer_id and s.currency = f.currency and f.at <= s.at
  left join payops.revenue_changes as q
    on s.before_minor = 0 and s.customer_id = q.customer_id and s.currency = q.currency and s.previous_at = q.at
  cross join lateral (
    values
    ((s.after_minor = 0)::integer, f.before_minor, s.lost_reason, s.lost_feedback),
    (-(s.after_minor = 0 and f.at < s.at)::integer, f.after_minor, s.lost_reason, s.lost_feedback),
    (-(s.before_minor = 0 and f.at < s.at)::integer, f.before_minor, q.lost_reason, q.lost_feedback),
    ((s.before_minor = 0 and f.at < s.previous_at)::integer, f.after_minor, q.lost_reason, q.lost_feedback)
  ) as m (times, minor, reason, feedback)
  cross join payops.business as b
  where (s.before_minor = 0 or s.after_minor = 0) and m.times <> 0 and m.minor > 0
  group by 1, 2, 3, 4, 5
) as d
cross join unnest(array[1, 8, 64]) as f (length)
cross join unnest(array[1, 8, 64]) as l (length)
group by 1, 2, 3, 4, 5, 6, 7
having sum(d.customers) <> 0 or sum(d.amount_minor) <> 0;
