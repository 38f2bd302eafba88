-- read_provider_table: the rows of a table with id, name, states[], specialties[] and active, by id; at most 100,000.
-- Refused for anything else, and for our own tables.
create function payops_api.read_provider_table(p_table text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  source regclass;
  answer jsonb;
begin
  source := to_regclass(p_table);
  if source is null then
    raise undefined_table;
  end if;
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(t) order by t.id), ''[]'') from ('
    'select s.id::text as id, s.name::text as name, s.states::text[] as states, s.specialties::text[] as specialties,'
    ' s.active::boolean as active from %s as s order by s.id limit 100000) as t',
    source
  ) into answer;
  return answer;
exception
  when undefined_table or invalid_name or syntax_error then
    perform payops.refuse('no_such_table', format('There is no table %s. Name it with its schema.', p_table));
  when undefined_column or cannot_coerce or datatype_mismatch or invalid_text_representation or wrong_object_type then
    perform payops.refuse(
      'not_providers', format('%s must have the columns id, name, states[], specialties[], active.', p_table)
    );
end
$$;
