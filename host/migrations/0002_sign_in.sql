-- Signing in by a mailed link, and the sessions of browsers. What stands in 0001_first.sql about types holds here.

-- Somebody wants to sign in as whoever has this address. Whether anybody has it shows when the mail is written.
create table sign_in_requests (
    id text primary key,
    -- Lower case.
    email text not null,
    -- A path of this host's.
    return_to text not null,
    created_at bigint not null
);

-- What was mailed and not used. Only the SHA-256 of a link is kept; a link that is used is deleted.
create table sign_in_links (
    hash bytea primary key,
    person_id text not null references people (id) on delete cascade,
    return_to text not null,
    expires_at bigint not null
);
create index sign_in_links_of_person on sign_in_links (person_id);
create index sign_in_links_by_end on sign_in_links (expires_at);

-- Who has asked within the hour: so many rows as one may ask, each free again when it is an hour old.
create table sign_in_slots (
    -- The SHA-256 of the address, or of the client's.
    subject text not null,
    slot bigint not null,
    taken_at bigint not null,
    primary key (subject, slot)
);
create index sign_in_slots_by_time on sign_in_slots (taken_at);

-- Browsers in which a person is signed in. Only the SHA-256 of the cookie is kept; a session that is ended is deleted.
create table sessions (
    id text primary key,
    person_id text not null references people (id) on delete cascade,
    hash bytea not null unique,
    created_at bigint not null,
    expires_at bigint not null
);
create index sessions_of_person on sessions (person_id, id);
create index sessions_by_end on sessions (expires_at);
