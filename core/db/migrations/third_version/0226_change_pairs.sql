-- What customers who changed more than once in a period come to in it, beyond their single changes: what each pair of
-- two changes of a customer adds, summed by the blocks of 1, 8 and 64 days in which both lie. `returned` counts those who
-- stopped with the first and came back with the next.
create table payops.change_pairs (
  currency text not null,
  first_length smallint not null,
  last_length smallint not null,
  first_day date not null,
  last_day date not null,
  movement text not null check (
    movement in ('new', 'reactivated', 'expansion', 'contraction', 'churned', 'same', 'returned')
  ),
  customers bigint not null,
  before_minor bigint not null,
  after_minor bigint not null,
  primary key (currency, first_length, last_length, first_day, last_day, movement)
);
insert into payops.change_pairs (
  currency, first_length, last_length, first_day, last_day, movement, customers, before_minor, after_minor
)
select
  d.currency, f.length, l.length, d.first_day - (d.first_day - date '0001-01-01') % f.length,
  d.last_day - (d.last_day - date '0001-01-01') % l.length, d.movement, sum(d.customers), sum(d.before_minor),
  sum(d.after_minor)
from (
  select
    n.currency, n.first_day, n.last_day,
    case
      when n.returned then 'returned'
      when n.before_minor = 0 and n.after_minor = 0 then null
      when n.before_minor = 0 and not n.known then 'new'
      when n.before_minor = 0 then 'reactivated'
      when n.after_minor = 0 then 'churned'
      when n.after_minor > n.before_minor then 'expansion'
      when n.after_minor < n.before_minor then 'contraction'
      else 'same'
    end as movement,
    sum(n.times) as customers, sum(n.times * n.before_minor) as before_minor, sum(n.times * n.after_minor) as after_minor
  from (
    select
      s.currency, (f.at at time zone b.timezone)::date as first_day, (s.at at time zone b.timezone)::date as last_day,
      m.times, m.before_minor, m.after_minor, m.known, m.returned
    from payops.revenue_changes as s
    inner join payops.revenue_changes as f on s.customer_id = f.customer_id and s.currency = f.currency and f.at < s.at
    cross join lateral (
      values
      (1, f.before_minor, s.after_minor, f.previous_at is not null, false),
      (-1, f.after_minor, s.after_minor, true, false),
      (-1, f.before_minor, s.before_minor, f.previous_at is not null, false),
      ((s.previous_at > f.at)::integer, f.after_minor, s.before_minor, true, false),
      ((s.previous_at = f.at and f.after_minor = 0)::integer, 0, 0, true, true)
    ) as m (times, before_minor, after_minor, known, returned)
    cross join payops.business as b
  ) as n
  where n.times <> 0
  group by 1, 2, 3, 4
) as d
cross join unnest(array[1, 8, 64]) as f (length)
cross join unnest(array[1, 8, 64]) as l (length)
where d.movement is not null
group by 1, 2, 3, 4, 5, 6
having sum(d.customers) <> 0 or sum(d.before_minor) <> 0 or sum(d.after_minor) <> 0;
drop index payops.revenue_changes_again;
