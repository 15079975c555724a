--! phase: contract
-- The secrets of endpoints are sealed now, which SQL cannot do: customers name their endpoints anew.
drop table endpoints;
