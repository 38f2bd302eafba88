-- The card networks' limits under the name that everybody uses: `network_lines` becomes `network_limits`, and what was
-- the `line` of a network is the `level` of its limit.
alter table payops.network_lines rename to network_limits;
alter table payops.network_limits rename column line to level;
alter index payops.network_lines_pkey rename to network_limits_pkey;
alter index payops.network_lines_network_line_since_key rename to network_limits_network_level_since_key;
alter sequence payops.network_lines_id_seq rename to network_limits_id_seq;
