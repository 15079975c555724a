--! phase: expand
create table booked (id bigint generated always as identity primary key, cents integer not null);
