-- Tied rows are found without reading the mirror.
do $$
declare
  target text;
begin
  foreach target in array array[
    'payment_intents', 'charges', 'refunds', 'disputes', 'early_fraud_warnings', 'customers', 'checkout_sessions',
    'subscriptions', 'invoices', 'invoice_payments', 'payouts'
  ]
  loop
    execute format('create index %I on payops.%I (as_of) where tied', target || '_tied', target);
  end loop;
end
$$;
