-- The functions of the version before know the limits as `network_lines`: they can be put back on this schema.
create view payops.network_lines as
select
  id, network, level as line, ratio, events, since, source, set_by, set_at
from payops.network_limits;
