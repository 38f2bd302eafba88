-- is_within: whether a moment is within a time that includes its start and not its end. Postgres inlines this and the
-- next function into the query, so that its indexes are used: they have no options and no declared search path, and
-- their names are bound when they are made.
create function payops.is_within(p_from timestamptz, p_until timestamptz, p_now timestamptz) returns boolean
language sql immutable
return p_from <= p_now and p_until > p_now;

-- licence_valid: whether this licence lets its provider see patients at this moment.
create function payops.licence_valid(p_licence payops.licences, p_now timestamptz) returns boolean
language sql immutable
return p_licence.status = 'active' and payops.is_within(p_licence.valid_from, p_licence.valid_until, p_now);

-- start_of_day_in: the moment this day begins in this state's time zone.
create function payops.start_of_day_in(p_state text, p_day date) returns timestamptz
language sql stable
set search_path = '' as $$
  select p_day::timestamp at time zone s.zone from payops.states as s where s.code = p_state
$$;

-- licences_as_json: a provider's licences as callers see them, by state and number.
create function payops.licences_as_json(p_provider text) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'state', state, 'number', number, 'type', type, 'status', status, 'issued_on', issued_on,
    'expires_on', expires_on, 'verified_on', verified_on, 'verified_by', verified_by
  ) order by state, number), '[]')
  from payops.licences where provider_id = p_provider
$$;

-- set_licences: the provider has exactly these licences; refused where one is not valid. The caller holds the provider's
-- lock.
create function payops.set_licences(p_provider text, p_licences jsonb) returns void
language plpgsql
set search_path = '' as $$
declare
  given record;
begin
  delete from payops.licences where provider_id = p_provider;
  for given in
    select l.* from jsonb_to_recordset(p_licences) as l (
      state text, number text, type text, status text, issued_on date, expires_on date, verified_on date,
      verified_by text
    )
  loop
    if not exists (select from payops.states as s where s.code = given.state) then
      perform payops.refuse('unknown_state', format('%s is not a state, DC or a territory.', given.state));
    elsif given.expires_on < given.issued_on then
      perform payops.refuse('bad_licence', format('The licence in %s ends before it starts.', given.state));
    end if;
    insert into payops.licences (
      provider_id, state, number, type, status, issued_on, expires_on, verified_on, verified_by, valid_from, valid_until
    )
    values (
      p_provider, given.state, nullif(given.number, ''), given.type, coalesce(given.status, 'active'),
      given.issued_on, given.expires_on, given.verified_on, given.verified_by,
      coalesce(payops.start_of_day_in(given.state, given.issued_on), '-infinity'),
      coalesce(payops.start_of_day_in(given.state, given.expires_on + 1), 'infinity')
    );
  end loop;
exception
  when unique_violation then
    perform payops.refuse(
      'duplicate_licence', format('The licence %s is listed twice.', concat_ws(' ', given.state, given.number))
    );
  when check_violation then
    perform payops.refuse('bad_licence', format('The status of the licence in %s is not known.', given.state));
end
$$;
