-- In a state with two time zones a licence ends at the earlier midnight: Tennessee's is Eastern, Oregon's and Nevada's
-- Mountain (Malheur County, West Wendover), and Arizona's is the Navajo Nation's, which has summer time.
update payops.states set zone = moved.zone
from (values
  ('AZ', 'America/Denver'), ('NV', 'America/Denver'), ('OR', 'America/Boise'), ('TN', 'America/New_York')
) as moved (code, zone)
where states.code = moved.code;
update payops.licences as l set
  valid_from = coalesce(l.issued_on::timestamp at time zone s.zone, '-infinity'),
  valid_until = coalesce((l.expires_on + 1)::timestamp at time zone s.zone, 'infinity')
from payops.states as s
where l.state = s.code and s.code in ('AZ', 'NV', 'OR', 'TN');
update payops.availability as a set valid_from = l.valid_from, valid_until = l.valid_until
from payops.licences as l
where a.licence_id = l.id and l.state in ('AZ', 'NV', 'OR', 'TN');
