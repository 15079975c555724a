--! phase: expand
-- Written in the transaction that publishes; `n` counts the events of a key.
create table promise (marker text primary key, key text not null, n int not null, poison boolean not null);
-- Written before a transaction that is rolled back on purpose.
create table never (marker text primary key);
