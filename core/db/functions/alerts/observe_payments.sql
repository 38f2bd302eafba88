-- These measures compare the decided payments of a window, by their first attempt, with those of the same local hours
-- in the four weeks before. They are asked for thousands of moments at once: payments are counted once between the
-- borders of all windows, and a window's number is the sum of the counts between its own borders. Payments are found by
-- time, using an index.

-- alert_windows: for each moment, the window that ends then (0 weeks before) and the windows that end at the same local
-- time some weeks before. `borders` has the borders of all windows of a week, in order; `first` and `last` are the
-- places of this window's own.
create function payops.alert_windows(p_moments timestamptz[], p_window interval, p_weeks integer)
returns table (at timestamptz, weeks integer, borders timestamptz[], first integer, last integer)
language sql stable
set search_path = '' as $$
  with windows as (
    select m.at, k.weeks, t.until
    from unnest(p_moments) as m (at)
    cross join payops.business as z
    cross join generate_series(0, p_weeks) as k (weeks)
    cross join lateral (
      select case
        when k.weeks = 0 then m.at
        else (m.at at time zone z.timezone - make_interval(weeks => k.weeks)) at time zone z.timezone
      end as until
    ) as t
  ),
  weekly as (
    select b.weeks, array_agg(b.border order by b.border) as borders
    from (
      select w.weeks, w.until as border from windows as w
      union
      select w.weeks, w.until - p_window from windows as w
    ) as b
    group by b.weeks
  )
  select w.at, w.weeks, y.borders, width_bucket(w.until - p_window, y.borders), width_bucket(w.until, y.borders)
  from windows as w
  inner join weekly as y on w.weeks = y.weeks
$$;

-- decided_payments: for each moment and week, how many payments of its window were decided and how many of them failed,
-- by currency, by decline code (null for successful payments) or by the issuer's country (null if unknown).
create function payops.decided_payments(p_moments timestamptz[], p_window interval, p_weeks integer, p_by text)
returns table (at timestamptz, weeks integer, key text, decided bigint, failed bigint)
language sql stable
set search_path = ''
set enable_seqscan = 'off' as $$
  with windows as materialized (
    select w.* from payops.alert_windows(p_moments, p_window, p_weeks) as w
  ),
  weekly as (
    select distinct on (w.weeks)
      w.weeks, w.borders, w.borders[1] as since, w.borders[cardinality(w.borders)] as until
    from windows as w order by w.weeks
  ),
  counted as materialized (
    select y.weeks, p.place, p.key, count(*) as decided, count(*) filter (where p.failed) as failed
    from weekly as y
    cross join lateral (
      select
        -- a window includes its end and not its beginning
        width_bucket(f.first_attempt_at - interval '1 microsecond', y.borders) as place,
        f.state = 'failed' as failed,
        case p_by
          when 'currency' then f.currency
          when 'country' then f.card_country
          when 'code' then case when f.state = 'failed' then f.decline_code end
        end as key
      from payops.payment_facts as f
      where f.first_attempt_at > y.since and f.first_attempt_at <= y.until and f.state in ('succeeded', 'failed')
      offset 0 -- keeps the planner on the index for each week, even without statistics
    ) as p
    group by y.weeks, p.place, p.key
  ),
  spans as materialized (
    select w.at, w.weeks, generate_series(w.first, w.last - 1) as place from windows as w
  )
  select s.at, s.weeks, c.key, sum(c.decided)::bigint, sum(c.failed)::bigint
  from spans as s
  inner join counted as c on s.weeks = c.weeks and s.place = c.place
  group by s.at, s.weeks, c.key
$$;

-- observe_success_rate_low: at each moment and for each currency, whether the success rate of the window is below the
-- threshold beyond chance: the upper end of its interval is below it.
create function payops.observe_success_rate_low(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    w.at, w.key, (w.decided - w.failed)::double precision / w.decided, w.decided,
    w.decided >= p_minimum and (payops.wilson(w.decided - w.failed, w.decided, 4)).high < p_threshold,
    w.decided < p_minimum / 2.0 or w.decided - w.failed >= p_threshold * w.decided,
    jsonb_build_object('succeeded', w.decided - w.failed)
  from payops.decided_payments(p_moments, p_window, 0, 'currency') as w
$$;

-- observe_success_rate_dropped: at each moment and for each currency, whether the success rate of the window is lower
-- than in the same hours of the four weeks before, beyond chance and by at least the threshold.
create function payops.observe_success_rate_dropped(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with counted as materialized (
    select d.at, d.weeks, d.key, d.decided, d.decided - d.failed as succeeded
    from payops.decided_payments(p_moments, p_window, 4, 'currency') as d
  ),
  before as (
    select d.at, d.key, sum(d.decided)::bigint as decided, sum(d.succeeded)::bigint as succeeded
    from counted as d where d.weeks > 0
    group by d.at, d.key
  )
  select
    w.at, w.key, w.succeeded::double precision / w.decided, w.decided,
    w.decided >= p_minimum and c.high < 0 and c.change <= -p_threshold,
    w.decided < p_minimum / 2.0 or coalesce(c.change > -p_threshold, true),
    jsonb_build_object(
      'succeeded', w.succeeded, 'base_decided', coalesce(b.decided, 0), 'base_succeeded', coalesce(b.succeeded, 0)
    )
  from counted as w
  left join before as b on w.at = b.at and w.key = b.key and w.decided >= p_minimum / 2.0
  left join lateral (
    select s.* from payops.share_change(w.succeeded, w.decided, b.succeeded, b.decided, 4) as s where b.decided > 0
  ) as c on true
  where w.weeks = 0
$$;

-- observe_decline_code_rising: at each moment and for each decline code, whether its share of payments is higher than
-- in the same hours of the four weeks before, beyond chance and by at least the threshold. A code that cannot reach the
-- threshold is not compared.
create function payops.observe_decline_code_rising(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with counted as materialized (
    select d.* from payops.decided_payments(p_moments, p_window, 4, 'code') as d
  ),
  all_codes as (
    select
      d.at, (sum(d.decided) filter (where d.weeks = 0))::bigint as decided,
      coalesce(sum(d.decided) filter (where d.weeks > 0), 0)::bigint as base_decided
    from counted as d
    group by d.at
  ),
  before as (
    select d.at, d.key, sum(d.failed)::bigint as failed
    from counted as d where d.weeks > 0 and d.key is not null
    group by d.at, d.key
  )
  select
    w.at, w.key, w.failed::double precision / a.decided, a.decided,
    w.failed >= p_minimum and c.low > 0 and c.change >= p_threshold,
    coalesce(c.change < p_threshold / 2, true),
    jsonb_build_object('failed', w.failed, 'base_decided', b.decided, 'base_failed', b.failed)
  from counted as w
  inner join all_codes as a on w.at = a.at
  left join before as n on w.at = n.at and w.key = n.key
  cross join lateral (
    select
      case when w.failed >= p_minimum / 2.0 then a.base_decided else 0 end as decided,
      case when w.failed >= p_minimum / 2.0 then coalesce(n.failed, 0) else 0 end as failed
  ) as b
  left join lateral (
    select s.* from payops.share_change(w.failed, a.decided, b.failed, b.decided, 4.5) as s where b.decided > 0
  ) as c on true
  where w.weeks = 0 and w.key is not null
$$;

-- observe_issuer_country_rising: at each moment and for each issuer country, whether its share of failed payments is
-- higher than in the same hours of the four weeks before, beyond chance and by at least the threshold.
create function payops.observe_issuer_country_rising(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with counted as materialized (
    select d.* from payops.decided_payments(p_moments, p_window, 4, 'country') as d where d.key is not null
  ),
  before as (
    select d.at, d.key, sum(d.decided)::bigint as decided, sum(d.failed)::bigint as failed
    from counted as d where d.weeks > 0
    group by d.at, d.key
  )
  select
    w.at, w.key, w.failed::double precision / w.decided, w.decided,
    w.failed >= p_minimum and c.low > 0 and c.change >= p_threshold,
    coalesce(c.change < p_threshold / 2, true),
    jsonb_build_object('failed', w.failed, 'base_decided', coalesce(b.decided, 0), 'base_failed', coalesce(b.failed, 0))
  from counted as w
  left join before as b on w.at = b.at and w.key = b.key and w.failed >= p_minimum / 2.0
  left join lateral (
    select s.* from payops.share_change(w.failed, w.decided, b.failed, b.decided, 4.5) as s where b.decided > 0
  ) as c on true
  where w.weeks = 0 and w.failed > 0
$$;
