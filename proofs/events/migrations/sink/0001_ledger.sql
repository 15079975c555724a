--! phase: expand
-- What each subscriber has got, in the order in which it was committed.
create table got (id bigint generated always as identity primary key, subscriber text not null, marker text not null, key text not null, n int not null);
