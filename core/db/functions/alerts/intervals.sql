-- wilson: the Wilson score interval of a proportion (E. B. Wilson, 1927): the range that contains the true proportion,
-- for `p_z` standard errors.
create function payops.wilson(p_k bigint, p_n bigint, p_z double precision, out low double precision, out high double precision)
language sql immutable parallel safe
set search_path = '' as $$
  select greatest(0, (m.centre - m.spread) / m.scale), least(1, (m.centre + m.spread) / m.scale)
  from (select p_k::double precision / nullif(p_n, 0) as share, p_z * p_z as z2) as s
  cross join lateral (
    select
      s.share + s.z2 / (2 * nullif(p_n, 0)) as centre, 1 + s.z2 / nullif(p_n, 0) as scale,
      p_z * sqrt(s.share * (1 - s.share) / nullif(p_n, 0) + s.z2 / (4.0 * nullif(p_n, 0) * p_n)) as spread
  ) as m
$$;

-- share_change: the difference between two proportions and its interval (R. G. Newcombe, 1998, method 10).
create function payops.share_change(
  p_k bigint, p_n bigint, p_base_k bigint, p_base_n bigint, p_z double precision,
  out change double precision, out low double precision, out high double precision
)
language sql immutable parallel safe
set search_path = '' as $$
  select
    s.a - s.b,
    s.a - s.b - sqrt((s.a - w.low) * (s.a - w.low) + (v.high - s.b) * (v.high - s.b)),
    s.a - s.b + sqrt((w.high - s.a) * (w.high - s.a) + (s.b - v.low) * (s.b - v.low))
  from (
    select p_k::double precision / nullif(p_n, 0) as a, p_base_k::double precision / nullif(p_base_n, 0) as b
  ) as s
  cross join lateral payops.wilson(p_k, p_n, p_z) as w
  cross join lateral payops.wilson(p_base_k, p_base_n, p_z) as v
  where p_n > 0 and p_base_n > 0
$$;
