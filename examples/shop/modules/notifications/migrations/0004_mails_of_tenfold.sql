--! phase: contract
-- Which mails were sent is written down by `tenfold/mail` now. What was sent before is not sent again: only events that are
-- still on their way make mails.
drop table mails;
