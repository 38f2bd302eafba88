-- How recurring revenue moved in each calendar month, customer by customer, summed: a month costs its sums, however
-- often its customers changed in it.
create table payops.monthly_movements (
  currency text not null,
  month date not null,
  movement text not null check (movement in ('new', 'reactivated', 'expansion', 'contraction', 'churned', 'same')),
  customers bigint not null,
  before_minor bigint not null,
  after_minor bigint not null,
  primary key (currency, month, movement)
);
insert into payops.monthly_movements (currency, month, movement, customers, before_minor, after_minor)
select m.currency, m.month, m.movement, count(*), sum(m.before), sum(m.after)
from (
  select
    n.currency, n.month, n.before, n.after,
    case
      when n.before = 0 and n.after = 0 then null
      when n.before = 0 and not n.known then 'new'
      when n.before = 0 then 'reactivated'
      when n.after = 0 then 'churned'
      when n.after > n.before then 'expansion'
      when n.after < n.before then 'contraction'
      else 'same'
    end as movement
  from (
    select
      c.currency, d.month, (array_agg(c.before_minor order by c.at))[1] as before,
      (array_agg(c.after_minor order by c.at desc))[1] as after,
      min(c.first_at) < d.month::timestamp at time zone b.timezone as known
    from payops.revenue_changes as c
    cross join payops.business as b
    cross join lateral (select date_trunc('month', c.at at time zone b.timezone)::date as month) as d
    group by c.customer_id, c.currency, d.month, b.timezone
  ) as n
) as m
where m.movement is not null
group by 1, 2, 3;
