-- The first tables, in SQL that SQLite and PostgreSQL share: types are BIGINT, TEXT and BYTEA only.
-- Ids are UUIDs as text and sort by the instant of creation. Instants (…_at) are microseconds since 1970. Flags are 0
-- or 1. Structures are JSON as text. Every invariant is a constraint or an index; a column with a closed list of words
-- has a CHECK with the words of its enum (tests/src/stored.rs has the table of them).

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
    -- In lower case, so that two spellings are one person.
    email text not null,
    name text not null,
    -- An IANA time zone name.
    zone text not null,
    role text not null check (role in ('participant', 'global-admin')),
    created_at bigint not null,
    unique (organisation_id, email)
);
create index people_by_email on people (email, organisation_id);

create table memberships (
    program_id text not null references programs (id),
    person_id text not null references people (id),
    role text not null check (role in ('participant', 'program-admin')),
    primary key (program_id, person_id)
);
create index memberships_of_person on memberships (person_id);

-- API tokens, of which only the SHA-256 is stored. A token without an organisation is an operator's, a token without a
-- person is an integration's.
create table tokens (
    id text primary key,
    organisation_id text references organisations (id),
    person_id text references people (id),
    name text not null,
    hash bytea not null unique,
    -- A JSON list of scopes.
    scopes text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint,
    -- The token that created this one through the API, which ends with it, and the person who used it.
    parent_id text references tokens (id),
    created_by_id text references people (id)
);
create index tokens_of_organisation on tokens (organisation_id, id);
create index tokens_of_parent on tokens (parent_id);

-- Every component that was added, by the digest of its bytes.
create table components (
    sha256 text primary key,
    provider_id text not null,
    version text not null,
    -- JSON: the grant that the component asks for (hosts, endpoints, scopes, how secrets are attached).
    requested_grant text not null,
    bytes bytea not null,
    added_at bigint not null
);

-- The providers of this deployment. Calls run `active_sha256`; `waiting_sha256` asks for more than is granted and waits
-- for an operator.
create table providers (
    id text primary key,
    name text not null,
    active_sha256 text references components (sha256),
    waiting_sha256 text references components (sha256),
    -- JSON: the grant that the operator accepted.
    accepted_grant text,
    accepted_at bigint,
    -- Another value each time that the provider is added. Together with `revision` it is never repeated, so hosts may cache
    -- by both what they have read.
    generation text not null,
    -- Counts the changes of this generation.
    revision bigint not null
);

-- Where a provider may be used: in a whole organisation, or in one program.
create table offers (
    provider_id text not null references providers (id),
    organisation_id text not null references organisations (id),
    -- Empty for the whole organisation, because a key column cannot be null.
    program_id text not null,
    created_at bigint not null,
    primary key (provider_id, organisation_id, program_id)
);

-- Connected calendars: at most one for each person, by an index.
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
    -- The sealed credential, and the id of the key that seals it.
    sealed bytea not null,
    sealed_by text not null,
    -- JSON: the last answer of account.open, and its instant.
    account text not null,
    opened_at bigint not null,
    state text not null check (state in ('connected', 'reconnect')),
    -- The provider's memo, with the versions of its layout. `memo_revision` guards against lost updates.
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
    -- The key under which the meeting's event is written to calendars, and the iCalendar UID that is proposed for it.
    event_key text not null unique,
    -- The iCalendar UID that the event has in its owner's calendar; null until it was written. Services choose it.
    uid text,
    title text not null,
    description text not null,
    start_at bigint not null,
    end_at bigint not null,
    -- The IANA time zone in which the times are shown.
    zone text not null,
    status text not null check (status in ('confirmed', 'cancelled')),
    -- Counts changes.
    revision bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    -- The caller's Idempotency-Key, and a digest of its request.
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

-- The state of a meeting's one event in its owner's calendar.
create table event_copies (
    meeting_id text primary key references meetings (id),
    -- A digest of the account that holds the event; empty if there was none. No reference, because the event outlives
    -- the connection.
    account text not null,
    calendar text not null,
    -- The event's id and etag at the service; no id until the service has answered.
    event_id text,
    etag text,
    -- JSON: the content that was last sent, whether or not an answer came.
    sent text,
    -- The revision of the meeting that the calendar shows, 0 before the first.
    agreed_revision bigint not null,
    state text not null check (state in ('pending', 'present', 'cancelled', 'gone', 'waiting', 'refused')),
    -- Why the event is waiting or refused.
    problem text,
    updated_at bigint not null
);
create index event_copies_by_state on event_copies (state, meeting_id);

-- Periodic work: the instant at which each task is due next.
create table schedule (
    task text primary key,
    next_at bigint not null
);

-- Jobs. A job is inserted in the transaction of the change that causes it, and deleted when it is done.
create table jobs (
    id text primary key,
    -- JSON: what to do, with the ids of the objects.
    effect text not null,
    -- On whose account it runs: workers are shared by these. Empty: the host itself; no server or service.
    class text not null check (class in ('mail', 'interactive', 'background')),
    organisation text not null,
    origin text not null,
    -- Jobs of one lane run one at a time.
    lane text not null,
    -- Equal jobs are one job until the first begins.
    dedupe text not null,
    state text not null check (state in ('ready', 'leased', 'dead')),
    run_at bigint not null,
    -- The service allows no attempt before this instant; changes that come meanwhile wait for it as well.
    not_before bigint not null,
    attempts bigint not null,
    lease_until bigint,
    lease_owner text,
    -- Counts leases: a host that has lost its lease cannot end the job.
    fence bigint not null,
    error text,
    created_at bigint not null,
    -- When the last attempt failed, or the job was put off. The pause counts from here.
    paused_at bigint,
    -- When an attempt last began to change another system. Until the job is done, the outcome is unknown.
    act_begun_at bigint
);
create unique index jobs_dedupe on jobs (dedupe) where state = 'ready';
create unique index jobs_lane on jobs (lane) where state = 'leased';
-- At most one dead letter for equal jobs.
create unique index jobs_dead on jobs (dedupe) where state = 'dead';
create index jobs_due on jobs (state, run_at);
create index jobs_shares on jobs (state, class, organisation, origin, run_at);
create index jobs_leases on jobs (state, lease_until);

-- Rows that readiness inserts and deletes again, to try whether the database accepts writes.
create table write_probes (
    id text primary key,
    written_at bigint not null
);

-- One value that the first host seals together with its first key file, by which every later host tells whether its key
-- file belongs to this database.
create table key_checks (
    id text primary key,
    sealed bytea not null,
    sealed_by text not null
);
