-- disputes_by_reason: the disputes opened between two times in one currency, by reason: their number, their amount and
-- how they ended.
create function payops_api.disputes_by_reason(p_since timestamptz, p_until timestamptz, p_currency text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(r) order by r.disputes desc, r.reason), '[]')
  from (
    select
      coalesce(d.reason, 'general') as reason, count(*) as disputes, sum(d.amount_minor) as amount_minor,
      count(*) filter (where d.status = 'won') as won, count(*) filter (where d.status = 'lost') as lost,
      count(*) filter (where payops.awaits_answer(d.status)) as to_answer,
      count(*) filter (where payops.is_under_review(d.status)) as under_review
    from payops.disputes as d
    where d.created >= p_since and d.created < p_until and d.currency = p_currency
    group by 1
  ) as r
$$;

-- dispute_figures: the dispute figures of a period and of the one before it, with the days of both.
create function payops_api.dispute_figures(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_rollups();
  return jsonb_build_object(
    'fresh_at', payops.fresh_at(),
    'metrics', payops.dispute_metrics(p_since, p_until, p_currency),
    'previous_metrics', payops.dispute_metrics(p_previous_since, p_previous_until, p_currency),
    'daily', payops.daily_series(p_since, p_until, p_currency),
    'previous_daily', payops.daily_series(p_previous_since, p_previous_until, p_currency)
  );
end
$$;
