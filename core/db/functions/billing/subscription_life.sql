-- subscription_life: everything known about one subscription: its current state, its earlier phases with their dates,
-- its invoices, and the requests of staff and customers; null for an unknown ID.
create function payops_api.subscription_life(p_id text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  found payops.subscriptions;
begin
  perform payops.refresh_subscriptions();
  select s.* into found from payops.subscriptions as s where s.id = p_id;
  if found.id is null then
    return null;
  end if;
  return jsonb_build_object(
    'subscription', to_jsonb(found),
    'patient_id', coalesce(found.patient_id, (select c.patient_id from payops.customers as c where c.id = found.customer_id)),
    'monthly_minor', payops.brings_monthly_minor(p_id, found.items),
    'history', (
      select coalesce(jsonb_agg(to_jsonb(h) order by h.starts_at, h.item_place), '[]')
      from payops.subscription_history as h where h.subscription_id = p_id
    ),
    'discounts', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'percent_off', c.percent_off, 'amounts_off', c.amounts_off, 'duration', c.duration
      )), '[]')
      from payops.discounts as d
      left join payops.coupons as c on d.coupon_id = c.id
      where d.subscription_id = p_id or d.customer_id = found.customer_id
    ),
    'invoices', (
      select coalesce(jsonb_agg(to_jsonb(i) || jsonb_build_object('payment_intent_id', (
        select v.payment_intent_id from payops.invoice_payments as v
        where v.invoice_id = i.id
        order by v.is_default desc, v.id
        limit 1
      )) order by i.created), '[]')
      from payops.invoices as i where i.subscription_id = p_id
    ),
    'actions', (
      select coalesce(jsonb_agg(payops.action_as_json(a) order by a.requested_at), '[]')
      from payops.money_actions as a where a.subject = p_id
    )
  );
end
$$;
