-- What the reconciliation looks for among millions of rows that are right: the few that later movements follow, and the
-- few movements that are not a plain payment, refund or fee.
create index charges_moved_later on payops.charges (created)
where balance_transaction_id is not null and (status = 'failed' or captured and amount_captured_minor < amount_minor);
create index balance_transactions_unusual on payops.balance_transactions (created)
where reporting_category not in ('charge', 'refund', 'fee')
  or amount_minor not between -1000000000000000 and 1000000000000000
  or fee_minor not between -1000000000000000 and 1000000000000000
  or case
    when amount_minor between -1000000000000000 and 1000000000000000
      and fee_minor between -1000000000000000 and 1000000000000000
    then net_minor <> amount_minor - fee_minor
  end;
-- What explains a payout's remainder is looked up by its movements, however many mismatches there are.
create index mismatches_movement on payops.mismatches ((facts ->> 'movement')) where state <> 'fixed';
