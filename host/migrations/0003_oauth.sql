-- Connecting a calendar at its service's own page (OAuth 2.0, RFC 6749). The conventions are those of 0001_first.sql.

-- Whether the program's meetings are written into calendars; people who connect a calendar are then asked for write
-- access.
alter table programs add column two_way bigint not null default 0 check (two_way in (0, 1));

-- The OAuth client that an operator has registered at a service, for one sign-in of a provider.
create table oauth_clients (
    id text primary key,
    provider_id text not null references providers (id),
    sign_in text not null,
    client_id text not null,
    -- The sealed client secret, and the id of the key that seals it.
    sealed bytea not null,
    sealed_by text not null,
    -- JSON: values of the variables in the sign-in's addresses.
    variables text not null,
    changed_at bigint not null,
    unique (provider_id, sign_in)
);

-- Authorization requests under way or abandoned. Each can be finished once, within minutes.
create table authorizations (
    -- The SHA-256 of the state parameter, in hexadecimal digits.
    state_hash text primary key,
    -- The browser session that began the request; only this session can finish it.
    session_id text not null,
    organisation_id text not null references organisations (id),
    person_id text not null references people (id),
    provider_id text not null,
    sign_in text not null,
    level text not null check (level in ('read', 'write')),
    redirect_uri text not null,
    -- Whether this is the second request, which forces consent because the first brought no refresh token.
    force_consent bigint not null check (force_consent in (0, 1)),
    -- JSON: the values of the variables in the sign-in's addresses.
    variables text not null,
    -- The sealed code verifier (RFC 7636). Key rotation leaves it out, because it lives for minutes.
    sealed bytea not null,
    expires_at bigint not null
);
create index authorizations_by_end on authorizations (expires_at);

-- The access level of a token, empty for other credentials; its token endpoint, the values (JSON) of the variables in the
-- sign-in's addresses, and its expiry.
alter table connections add column level text check (level in ('read', 'write'));
alter table connections add column token_endpoint text;
alter table connections add column variables text not null default '{}';
alter table connections add column token_expires_at bigint;
-- One host at a time refreshes a token: the attempt's id, and the end of its lease.
alter table connections add column refresh_lease text;
alter table connections add column refresh_until bigint;

-- Tokens of deleted connections that wait to be revoked at their service.
create table revocations (
    id text primary key,
    organisation_id text not null references organisations (id),
    person_id text not null references people (id),
    provider_id text not null,
    sign_in text not null,
    address text,
    -- The endpoint that issued the token, and the values (JSON) of the variables in the sign-in's addresses.
    token_endpoint text not null,
    variables text not null,
    -- The sealed token, and the id of the key that seals it. The credential of a former owner stays sealed for the owner's
    -- row, because the host that deletes the owner may lack the key.
    sealed bytea not null,
    sealed_by text not null,
    place_table text not null check (place_table in ('revocations', 'connections', 'service_accounts')),
    place_row text not null,
    created_at bigint not null
);

-- Reports that the administrators of a mail domain must approve the OAuth client: the last one of each person.
create table needed_approvals (
    organisation_id text not null references organisations (id),
    provider_id text not null,
    domain text not null,
    person_id text not null references people (id) on delete cascade,
    -- The service's page for the approval, if it has one.
    link text,
    -- Whether the service's token endpoint said so, and not only the person's browser.
    confirmed bigint not null check (confirmed in (0, 1)),
    noticed_at bigint not null,
    primary key (organisation_id, provider_id, domain, person_id)
);
create index needed_approvals_by_time on needed_approvals (noticed_at);
