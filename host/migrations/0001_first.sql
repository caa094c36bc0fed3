-- The first tables, for SQLite and PostgreSQL alike: BIGINT, TEXT and BYTEA, and what both understand of SQL.
-- Ids are UUIDs as text and sort by the time at which they were made. Instants are microseconds since 1970 (…_at).
-- Structures are JSON as text. Every rule that must hold is a constraint or an index here.

create table organisations (
    id text primary key,
    name text not null unique,
    created_at bigint not null
);

create table programs (
    id text primary key,
    organisation_id text not null references organisations (id),
    name text not null,
    created_at bigint not null,
    unique (organisation_id, name)
);
create index programs_of_organisation on programs (organisation_id, id);

create table people (
    id text primary key,
    organisation_id text not null references organisations (id),
    -- Lower case: two spellings are one person.
    email text not null,
    name text not null,
    -- An IANA name.
    zone text not null,
    -- participant, global-admin
    role text not null,
    created_at bigint not null,
    unique (organisation_id, email)
);

create table memberships (
    program_id text not null references programs (id),
    person_id text not null references people (id),
    -- participant, program-admin
    role text not null,
    primary key (program_id, person_id)
);
create index memberships_of_person on memberships (person_id);

-- Only the SHA-256 of a token is kept. Without an organisation it is an operator's, without a person a program's.
create table tokens (
    id text primary key,
    organisation_id text references organisations (id),
    person_id text references people (id),
    name text not null,
    hash bytea not null unique,
    -- A JSON list of scopes.
    scopes text not null,
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint
);
create index tokens_of_organisation on tokens (organisation_id, id);

-- Every component that was ever added, under the digest of its bytes.
create table components (
    sha256 text primary key,
    provider_id text not null,
    version text not null,
    -- JSON: what the component asks for (hosts, endpoints, scopes, how a secret is attached).
    asks text not null,
    bytes bytea not null,
    added_at bigint not null
);

-- The providers of this deployment. `active_sha256` is what calls run; `waiting_sha256` asks for more than is granted
-- and waits for an operator.
create table providers (
    id text primary key,
    name text not null,
    active_sha256 text references components (sha256),
    waiting_sha256 text references components (sha256),
    -- JSON: what the operator accepted.
    granted text,
    granted_at bigint,
    -- Counts changes; a host that holds an older number looks again.
    revision bigint not null
);

-- Where a provider may be used: everywhere in an organisation (program_id empty), or in one program.
create table offers (
    provider_id text not null references providers (id),
    organisation_id text not null references organisations (id),
    -- Empty for the whole organisation: a key column cannot be null.
    program_id text not null,
    created_at bigint not null,
    primary key (provider_id, organisation_id, program_id)
);

-- Connected calendars. One for a person, by index.
create table connections (
    id text primary key,
    organisation_id text not null references organisations (id),
    person_id text not null references people (id),
    provider_id text not null references providers (id),
    sign_in text not null,
    server text,
    subject text,
    address text,
    zone text not null,
    -- JSON: the non-secret fields of the form.
    fields text not null,
    -- The credential, sealed, and which key seals it.
    sealed bytea not null,
    sealed_by text not null,
    -- JSON: what account.open said, and when.
    account text not null,
    opened_at bigint not null,
    -- connected, reconnect
    state text not null,
    -- The provider's notes, with the numbers of their layout. `memo_revision` guards against a lost update.
    memo bytea,
    memo_format bigint,
    memo_state_format bigint,
    memo_revision bigint not null,
    connected_at bigint not null
);
create unique index connections_one_of_person on connections (person_id);
create index connections_by_key on connections (sealed_by, id);

create table meetings (
    id text primary key,
    organisation_id text not null references organisations (id),
    program_id text not null references programs (id),
    owner_id text not null references people (id),
    -- The iCalendar UID, the same in every copy.
    uid text not null unique,
    title text not null,
    description text not null,
    start_at bigint not null,
    end_at bigint not null,
    -- In which zone its times are told.
    zone text not null,
    -- confirmed, cancelled
    status text not null,
    -- Rises with every change of what a calendar shows.
    revision bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    -- The caller's Idempotency-Key and a digest of what it asked for.
    request_key text,
    request_sha256 text,
    unique (organisation_id, request_key)
);
create index meetings_of_organisation on meetings (organisation_id, id);
create index meetings_of_owner on meetings (owner_id, start_at);

create table attendees (
    meeting_id text not null references meetings (id),
    person_id text not null references people (id),
    primary key (meeting_id, person_id)
);
create index attendees_by_person on attendees (person_id);

-- The one event of a meeting in its owner's calendar, as it was last agreed on.
create table event_copies (
    meeting_id text primary key references meetings (id),
    -- A digest of the account that it is in (no reference: what was written outlives the connection). Empty while there
    -- was none.
    account text not null,
    calendar text not null,
    -- The service's id and etag; no id until the service has told one.
    event_id text,
    etag text,
    -- JSON: what was last sent, whether or not an answer came.
    sent text,
    -- The revision of the meeting that the calendar shows, 0 before the first.
    agreed_revision bigint not null,
    -- pending, present, cancelled, gone, waiting, refused
    state text not null,
    -- Why it waits or is refused.
    problem text,
    updated_at bigint not null
);

-- Work to be done, put in the transaction of the change that causes it. Done work is deleted.
create table jobs (
    id text primary key,
    -- JSON: what to do, naming entities.
    effect text not null,
    -- Work of one lane is done one at a time.
    lane text not null,
    -- The same work twice is once, while nobody has begun.
    dedupe text not null,
    -- ready, leased, dead
    state text not null,
    run_at bigint not null,
    -- Before this the service wants no other attempt; what changes meanwhile waits for it too.
    not_before bigint not null,
    attempts bigint not null,
    lease_until bigint,
    lease_owner text,
    -- Counts leases: whoever lost a lease cannot end the job.
    fence bigint not null,
    error text,
    created_at bigint not null
);
create unique index jobs_dedupe on jobs (dedupe) where state = 'ready';
create unique index jobs_lane on jobs (lane) where state = 'leased';
-- One dead letter of the same work is enough.
create unique index jobs_dead on jobs (dedupe) where state = 'dead';
create index jobs_due on jobs (state, run_at);
create index jobs_leases on jobs (state, lease_until);
