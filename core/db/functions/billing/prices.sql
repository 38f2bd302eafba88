-- What an item of a subscription costs, before and after discounts.

-- counted_quantity: the quantity to multiply the price by, divided and rounded first if the price says so
-- (`transform_quantity`).
create function payops.counted_quantity(p_item jsonb) returns numeric
language sql immutable
set search_path = '' as $$
  select case
    when p_item ->> 'divide_by' is null then (p_item ->> 'quantity')::numeric
    when p_item ->> 'round' = 'up' then ceil((p_item ->> 'quantity')::numeric / (p_item ->> 'divide_by')::numeric)
    else floor((p_item ->> 'quantity')::numeric / (p_item ->> 'divide_by')::numeric)
  end
$$;

-- tiered_amount: the price of this quantity by tiers: each unit at its own tier's price (graduated), or all units at
-- the price of the tier that the quantity reaches (volume). A tier's flat amount is added once if the tier is used.
create function payops.tiered_amount(p_tiers jsonb, p_mode text, p_quantity numeric) returns numeric
language sql immutable
set search_path = '' as $$
  with tiers as (
    select
      t.n, t.up_to, coalesce(t.unit, 0) as unit, coalesce(t.flat, 0) as flat,
      coalesce(lag(t.up_to) over (order by t.n), 0) as above
    from rows from (
      jsonb_to_recordset(p_tiers) as (up_to numeric, unit numeric, flat numeric)
    ) with ordinality as t (up_to, unit, flat, n)
  )
  select coalesce(sum(
    t.flat + t.unit * case p_mode when 'volume' then p_quantity else least(p_quantity, t.up_to) - t.above end
  ), 0)
  from tiers as t
  where t.above < p_quantity and (p_mode <> 'volume' or t.up_to is null or p_quantity <= t.up_to)
$$;

-- period_amount: the price of an item for one billing period, in minor units with fractions; 0 for metered use.
create function payops.period_amount(p_item jsonb) returns numeric
language sql stable
set search_path = '' as $$
  select coalesce(case
    when p_item ->> 'usage_type' = 'metered' then 0
    when p_item ->> 'tiers_mode' is not null then payops.tiered_amount(
      coalesce(
        nullif(p_item -> 'tiers', 'null'),
        (select t.tiers from payops.price_tiers as t where t.id = p_item ->> 'price_id'), '[]'
      ),
      p_item ->> 'tiers_mode', payops.counted_quantity(p_item)
    )
    else
      coalesce((p_item ->> 'unit_amount_minor')::numeric, (p_item ->> 'unit_amount_decimal')::numeric)
      * payops.counted_quantity(p_item)
  end, 0)
$$;

-- periods_a_year: how many billing periods of this interval a year has.
create function payops.periods_a_year(p_item jsonb) returns numeric
language sql immutable
set search_path = '' as $$
  select
    case p_item ->> 'interval' when 'month' then 12 when 'year' then 1 when 'week' then 52 when 'day' then 365 else 0 end
    / greatest(coalesce((p_item ->> 'interval_count')::numeric, 1), 1)
$$;

-- per_month: the amount of one period converted to one month, rounded half up to a minor unit.
create function payops.per_month(p_amount numeric, p_item jsonb) returns bigint
language sql immutable
set search_path = '' as $$
  select round(round(
    p_amount
    * case p_item ->> 'interval' when 'month' then 12 when 'year' then 1 when 'week' then 52 when 'day' then 365 else 0 end
    / (12 * greatest(coalesce((p_item ->> 'interval_count')::numeric, 1), 1)), 9
  ))::bigint
$$;

-- monthly_minor: the monthly amount of a subscription's licensed items, before discounts.
create function payops.monthly_minor(p_items jsonb) returns bigint
language sql stable
set search_path = '' as $$
  select coalesce(sum(payops.per_month(payops.period_amount(i), i)), 0)::bigint from jsonb_array_elements(p_items) as i
$$;

-- priced_items: each item of a subscription with its monthly price after these discounts, which are applied in order. A
-- fixed amount is taken off each period of the shortest interval and spread in whole minor units over the items that
-- the discount applies to.
create function payops.priced_items(p_items jsonb, p_discounts jsonb, p_currency text)
returns table (item jsonb, item_place integer, price_minor bigint)
language plpgsql stable
set search_path = '' as $$
declare
  items jsonb[] := array(select i from jsonb_array_elements(p_items) as i);
  shortest jsonb;
  left_amounts numeric[];
  discount jsonb;
begin
  if p_discounts = '[]' then
    return query
    select i.value, i.ordinality::integer, payops.per_month(payops.period_amount(i.value), i.value)
    from jsonb_array_elements(p_items) with ordinality as i;
    return;
  end if;
  shortest := (
    select i from unnest(items) as i
    where i ->> 'usage_type' is distinct from 'metered'
    order by payops.periods_a_year(i) desc
    limit 1
  );
  left_amounts := array(
    select
      payops.period_amount(i.value) * case
        when payops.periods_a_year(i.value) = payops.periods_a_year(shortest) then 1
        else payops.periods_a_year(i.value) / nullif(payops.periods_a_year(shortest), 0)
      end
    from unnest(items) with ordinality as i (value, n)
    order by i.n
  );
  for discount in select d from jsonb_array_elements(p_discounts) as d
  loop
    left_amounts := payops.after_discount(items, left_amounts, discount, p_currency);
  end loop;
  return query
  select i.value, i.n::integer, coalesce(payops.per_month(left_amounts[i.n], shortest), 0)
  from unnest(items) with ordinality as i (value, n);
end
$$;

-- after_discount: these items' amounts after one discount.
create function payops.after_discount(p_items jsonb[], p_amounts numeric[], p_discount jsonb, p_currency text)
returns numeric[]
language sql immutable
set search_path = '' as $$
  with items as (
    select
      i.n, coalesce(p_amounts[i.n], 0) as amount,
      (p_discount ->> 'item' is null or p_discount ->> 'item' = i.value ->> 'id')
      and (
        coalesce(p_discount -> 'products', 'null') = 'null' or p_discount -> 'products' ? (i.value ->> 'product_id')
      ) as applies
    from unnest(p_items) with ordinality as i (value, n)
  ),
  sums as (
    select
      i.*, sum(i.amount) filter (where i.applies) over () as total,
      sum(i.amount) filter (where i.applies) over (order by i.n) as up_to_here,
      (p_discount -> 'amounts' ->> p_currency)::numeric as amount_off
    from items as i
  )
  select array_agg(
    case
      when not s.applies or s.amount = 0 then s.amount
      when p_discount ->> 'percent' is not null then s.amount * (100 - (p_discount ->> 'percent')::numeric) / 100
      when s.amount_off is null then s.amount
      when s.amount_off >= s.total then 0
      else greatest(
        s.amount - round(s.amount_off * s.up_to_here / s.total)
        + round(s.amount_off * (s.up_to_here - s.amount) / s.total), 0
      )
    end
    order by s.n
  )
  from sums as s
$$;
