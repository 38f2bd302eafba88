-- payouts_without_trace_id: payouts that arrived, newest first, whose trace ID Stripe did not have when it was last
-- asked, and those mirrored before trace IDs were stored. Leaves out skipped and canceled ones.
create function payops_api.payouts_without_trace_id(p_most integer, p_asked_before timestamptz, p_now timestamptz)
returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(w.id order by w.created desc), '[]')
  from (
    select p.id, p.created from payops.payouts as p
    where (
      p.trace_id_status is null
      or p.trace_id_status = 'pending' and p.as_of < p_asked_before
      and p.arrival_date between payops.business_day(p_now) - 14 and payops.business_day(p_now)
    )
    and p.status <> 'canceled'
    and not payops.is_skipped('fetch trace ids', p.id, p_now)
    order by p.created desc limit p_most
  ) as w
$$;
