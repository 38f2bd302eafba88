-- Terms that the subscription history needs and no event contains.

-- missing_terms: what has to be fetched from Stripe: subscriptions with a discount known only by its ID, coupons whose
-- terms or limits are unknown, and prices without their tiers. Leaves out whatever was requested in the last day or
-- already answered.
create function payops_api.missing_terms(p_now timestamptz, p_most integer) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with wanted as (
    select distinct 'subscription' as kind, s.id
    from payops.subscriptions as s
    cross join lateral (
      select d from jsonb_array_elements_text(coalesce(nullif(s.discounts, 'null'), '[]')) as d
      union all
      select d
      from jsonb_array_elements(s.items) as i
      cross join jsonb_array_elements_text(coalesce(nullif(i -> 'discounts', 'null'), '[]')) as d
    ) as listed (id)
    where not exists (select from payops.discounts as d where d.id = listed.id)
    union all
    select distinct 'coupon', d.coupon_id
    from payops.discounts as d
    left join payops.coupons as c on d.coupon_id = c.id
    where not d.of_one_invoice
      and (
        c.id is null
        or c.duration <> 'once' and not exists (select from payops.coupon_products as p where p.id = c.id)
      )
    union all
    select distinct 'price', h.item ->> 'price_id'
    from payops.subscription_history as h
    where h.item ->> 'tiers_mode' is not null and coalesce(h.item -> 'tiers', 'null') = 'null'
      and not exists (select from payops.price_tiers as t where t.id = h.item ->> 'price_id')
  )
  select coalesce(jsonb_agg(jsonb_build_object('kind', w.kind, 'id', w.id)), '[]')
  from (
    select w.kind, w.id
    from wanted as w
    where not exists (
      select from payops.asked_terms as a where a.object_id = w.id and a.asked_at > p_now - interval '1 day'
    )
    limit p_most
  ) as w
$$;

-- record_terms: stores Stripe's answer in the mirror, so that the object is not requested again. Without an answer it
-- is requested again after a day.
create function payops_api.record_terms(p_id text, p_now timestamptz, p_records jsonb default null) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.apply_records(p_records) where p_records is not null;
  insert into payops.asked_terms as a (object_id, asked_at)
  values (p_id, case when p_records is null then p_now else 'infinity' end)
  on conflict (object_id) do update set asked_at = excluded.asked_at;
  select 'true'::jsonb
$$;
