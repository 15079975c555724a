--! phase: expand
create function scattered(n int) returns uuid language sql immutable as $$ select md5('row ' || n)::uuid $$;

create table author (id bigint generated always as identity primary key, name text not null, country text not null);
create table tag (id bigint generated always as identity primary key, name text not null);
create table post (
  id bigint generated always as identity primary key, author_id bigint not null references author, title text not null,
  tag_ids bigint[] not null, category_slug text not null
);
create table comment (id bigint generated always as identity primary key, post_id bigint not null references post, text text not null);
create table post_like (user_id bigint not null, post_id bigint not null, primary key (user_id, post_id));
create table category (id bigint generated always as identity primary key, parent_id bigint, slug text not null);

create table customer (
  id uuid primary key, tenant_id uuid not null, email text not null, name text not null, visits int not null default 0,
  home_id uuid, office_id uuid, billing_id uuid, shipping_id uuid
);
create table product (id uuid primary key, name text not null, price int not null, stock int not null, supplier_id uuid not null);
create table orders (
  id uuid primary key, number bigint generated always as identity, customer_id uuid not null references customer,
  state text not null, total int not null, items jsonb not null, payment_id uuid not null, created_at timestamptz not null
);
create table order_line (order_id uuid not null, product_id uuid not null, quantity int not null, primary key (order_id, product_id));
create table payment (id uuid primary key, state text not null);
create table address (id uuid primary key, city text not null);
create table invite (email text primary key);
create table rate (day date primary key, value numeric not null);
create table sale (id bigint generated always as identity primary key, day date not null, month int not null, amount int not null);
create table tier (name text primary key, at_least int not null, below int not null);
create table subscription (id uuid primary key, customer_id uuid not null, due boolean not null);
create table invoice (id uuid primary key default gen_random_uuid(), subscription_id uuid not null, number bigint generated always as identity);
create table message (id uuid primary key, body text not null, sent_at timestamptz, state text not null default 'ready');
create table preference (customer_id uuid primary key, weekly boolean not null);
create table flag (name text primary key, enabled boolean not null);
create table tenant (id uuid primary key, name text not null);
create table progress (job_id uuid primary key, done int not null);
create table imported (id uuid primary key, name text not null);
create table question (question_no int primary key, text text not null);
create sequence receipt_no;

insert into author (name, country) select 'author ' || n, (array['DE', 'FR', 'IT', 'ES', 'PL', 'SE'])[1 + n % 6] from generate_series(1, 40) n;
insert into tag (name) select 'tag ' || n from generate_series(1, 30) n;
insert into post (author_id, title, tag_ids, category_slug)
  select 1 + (n * 7) % 40, 'post ' || n, array[1 + n % 30, 1 + (n * 3) % 30, 1 + (n * 11) % 30],
         (array['garden', 'kitchen', 'books', 'travel', 'music', 'sport'])[1 + (n * 5) % 6] from generate_series(1, 60) n;
insert into comment (post_id, text) select 1 + n % 60, 'comment ' || n from generate_series(1, 200) n;
insert into post_like select 3, n from generate_series(1, 60, 3) n;
insert into category (parent_id, slug)
  select case when n <= 3 then null else 1 + n % 3 end, (array['garden', 'kitchen', 'books', 'travel', 'music', 'sport'])[1 + n % 6]
    from generate_series(1, 12) n;
insert into category (parent_id, slug) select 4 + n % 9, 'leaf ' || n from generate_series(1, 20) n;

insert into tenant select scattered(9000 + n), (array['acme', 'globex', 'initech', 'umbrella', 'hooli', 'stark'])[n] from generate_series(1, 6) n;
insert into address select scattered(8000 + n), 'city ' || n from generate_series(1, 200) n;
insert into customer
  select scattered(n), scattered(9001 + n % 6), 'customer' || n || '@example.com', 'customer ' || n, 0, scattered(8000 + n), scattered(8050 + n),
         scattered(8100 + n), scattered(8150 + n) from generate_series(1, 40) n;
insert into product select scattered(1000 + n), 'product ' || n, 100 + n, 50, scattered(7000 + n % 9) from generate_series(1, 60) n;
insert into payment select scattered(6000 + n), 'settled' from generate_series(1, 60) n;
insert into orders (id, customer_id, state, total, items, payment_id, created_at)
  select scattered(2000 + n), scattered(1 + (n * 11) % 40), (array['shipped', 'open', 'returned', 'paid', 'cancelled'])[1 + (n * 3) % 5], n * 37 % 900,
         jsonb_build_array(jsonb_build_object('productId', scattered(1001 + (n * 7) % 60), 'quantity', 1),
                           jsonb_build_object('productId', scattered(1001 + (n * 13) % 60), 'quantity', 2)),
         scattered(6000 + n), '2026-03-01'::timestamptz + n * interval '7 hours' from generate_series(1, 60) n;
insert into order_line select scattered(2000 + n), scattered(1001 + (n * k * 7) % 60), k
  from generate_series(1, 60) n, generate_series(1, 3) k on conflict do nothing;
insert into invite select 'customer' || n * 2 || '@example.com' from generate_series(1, 12) n;
insert into rate select '2026-03-01'::date + n, 1 + n / 100.0 from generate_series(0, 30) n;
insert into sale (day, month, amount) select '2026-03-01'::date + n % 31, 1 + n % 12, n from generate_series(1, 300) n;
insert into tier values ('bronze', 0, 100), ('silver', 100, 300), ('gold', 300, 500), ('platinum', 500, 700), ('diamond', 700, 1000);
insert into subscription select scattered(5000 + n), scattered(n), true from generate_series(1, 12) n;
insert into message (id, body) select scattered(4000 + n), 'message ' || n from generate_series(1, 40) n;
insert into preference select scattered(n), n % 2 = 0 from generate_series(1, 40) n;
insert into flag select f, true from unnest(array['search', 'wishlist', 'gifts', 'reviews', 'coupons', 'stories']) f;
insert into progress values (scattered(1), 0);
insert into question select n, 'question ' || n from generate_series(1, 40) n;
