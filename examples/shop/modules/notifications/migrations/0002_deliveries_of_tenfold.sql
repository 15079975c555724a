--! phase: contract
-- Webhooks have tables of their own now, that come with `tenfold/webhooks`.
drop table deliveries;
