--! phase: contract
-- Webhooks have tables of their own now, that come with `tenfold/webhooks`. Their secrets are sealed, which SQL cannot do:
-- customers name their endpoints anew.
drop table deliveries;
drop table endpoints;
