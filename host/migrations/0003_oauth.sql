-- Connecting at the service's own page (OAuth 2.0, RFC 6749), for SQLite and PostgreSQL alike.

-- Whether meetings of the program are written into people's calendars: then those who connect one are asked for that.
alter table programs add column two_way bigint not null default 0;

-- The application that an operator has registered at a service, for one sign-in of a provider.
create table oauth_clients (
    id text primary key,
    provider_id text not null references providers (id),
    sign_in text not null,
    client_id text not null,
    -- The client's secret, sealed, and which key seals it.
    sealed bytea not null,
    sealed_by text not null,
    changed_at bigint not null,
    unique (provider_id, sign_in)
);

-- Somebody is at the service's page, or never came back from it. Each is good once, and for some minutes.
create table authorizations (
    -- The SHA-256 of the state, in hex.
    state_hash text primary key,
    -- The browser that began: only it can end it.
    session_id text not null,
    organisation_id text not null references organisations (id),
    person_id text not null references people (id),
    provider_id text not null,
    sign_in text not null,
    -- read, write
    level text not null,
    redirect_uri text not null,
    -- Whether the person was sent there once more, because no lasting token came.
    anew bigint not null,
    -- The code verifier (RFC 7636), sealed. It is not sealed anew when keys change: it lives for minutes.
    sealed bytea not null,
    expires_at bigint not null
);
create index authorizations_by_end on authorizations (expires_at);

-- What a token was given for, empty for what is no token; where it is refreshed, and when it ends.
alter table connections add column level text;
alter table connections add column token_endpoint text;
alter table connections add column token_expires_at bigint;
-- One host at a time refreshes a token: which attempt, and until when it counts.
alter table connections add column refresh_lease text;
alter table connections add column refresh_until bigint;

-- Tokens of connections that are no more, until the service knows.
create table revocations (
    id text primary key,
    organisation_id text not null references organisations (id),
    person_id text not null references people (id),
    provider_id text not null,
    sign_in text not null,
    address text,
    -- The token, sealed, and which key seals it.
    sealed bytea not null,
    sealed_by text not null,
    created_at bigint not null
);

-- Mail domains whose administrators must approve first, as somebody of theirs has met it.
create table needed_approvals (
    organisation_id text not null references organisations (id),
    provider_id text not null,
    domain text not null,
    -- Where the administrator does so, if the service has such a page.
    link text,
    noticed_at bigint not null,
    primary key (organisation_id, provider_id, domain)
);
