-- Notes of staff on a payment or a customer: what a note must contain, and who may remove it.

-- require_note: refuses a note that is empty or too long.
create function payops.require_note(p_note text) returns void
language plpgsql
set search_path = '' as $$
begin
  if coalesce(btrim(p_note), '') = '' then
    perform payops.refuse('note_empty', 'Enter a note first.');
  elsif length(btrim(p_note)) > 2000 then
    perform payops.refuse('note_too_long', 'A note can have at most 2,000 characters.');
  end if;
end
$$;

-- require_removable: refuses if there is no such note, or it is another user's and `p_any` is false.
create function payops.require_removable(p_written_by text, p_actor text, p_any boolean) returns void
language plpgsql
set search_path = '' as $$
begin
  if p_written_by is null then
    perform payops.refuse('not_found', 'There is no such note.');
  elsif p_written_by <> p_actor and not p_any then
    perform payops.refuse('not_yours', 'Only the author of the note or an admin can remove it.');
  end if;
end
$$;
