-- Signing in by mailed links, and browser sessions. The conventions are those of 0001_first.sql.

-- Requests for a mail with sign-in links. Whether a person has the address is looked up when the mail is written.
create table sign_in_requests (
    id text primary key,
    -- In lower case.
    email text not null,
    -- A path on this host.
    return_to text not null,
    created_at bigint not null
);

-- Links that were mailed and not used. Only the SHA-256 of a link is stored; a used link is deleted.
create table sign_in_links (
    hash bytea primary key,
    person_id text not null references people (id) on delete cascade,
    return_to text not null,
    expires_at bigint not null
);
create index sign_in_links_of_person on sign_in_links (person_id);
create index sign_in_links_by_end on sign_in_links (expires_at);

-- Rate limits that are counted exactly: each subject has a number of slots, and a slot is free again an hour after it was
-- taken.
create table rate_limit_slots (
    -- The SHA-256 of the limit's name and of what it counts by, such as an email address.
    subject text not null,
    slot bigint not null,
    taken_at bigint not null,
    primary key (subject, slot)
);
create index rate_limit_slots_by_time on rate_limit_slots (taken_at);

-- The hosts that share the rate limits that are counted in memory.
create table rate_limit_hosts (
    host text primary key,
    lease_until bigint not null
);

-- Browser sessions. Only the SHA-256 of the cookie is stored; an ended session is deleted.
create table sessions (
    id text primary key,
    person_id text not null references people (id) on delete cascade,
    hash bytea not null unique,
    created_at bigint not null,
    expires_at bigint not null
);
create index sessions_of_person on sessions (person_id, id);
create index sessions_by_end on sessions (expires_at);
