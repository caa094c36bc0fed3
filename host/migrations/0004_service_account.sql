-- An organisation's own account at a calendar service, which connects its people. The conventions are those of
-- 0001_first.sql.

-- Mail domains of organisations, as entered by an operator: an account connects only people with an address in one.
create table organisation_domains (
    domain text primary key,
    organisation_id text not null references organisations (id),
    added_at bigint not null
);
create index organisation_domains_by_organisation on organisation_domains (organisation_id, domain);

create table service_accounts (
    id text primary key,
    organisation_id text not null references organisations (id),
    provider_id text not null references providers (id),
    sign_in text not null,
    -- delegated: a key that acts for each person; shared: one mailbox that people share their free/busy with.
    kind text not null check (kind in ('delegated', 'shared')),
    -- The mailbox that the account was probed with; for a shared account, the shared mailbox.
    mailbox text not null,
    -- The name of the service account or the OAuth client, which is not secret; empty for a shared account.
    client text,
    -- JSON: the fields of the token response that the provider sees.
    fields text not null,
    state text not null check (state in ('connected', 'reconnect')),
    -- The sealed key or tokens, and the id of the key that seals them.
    sealed bytea not null,
    sealed_by text not null,
    -- The token endpoint, and the values (JSON) of the variables in the sign-in's addresses.
    token_endpoint text not null,
    variables text not null,
    -- For a shared account: the token's expiry, and the lease of the host that refreshes it.
    token_expires_at bigint,
    refresh_lease text,
    refresh_until bigint,
    saved_by text not null references people (id),
    saved_at bigint not null,
    unique (organisation_id, provider_id)
);

-- The account that made the connection, empty for a connection that the person made.
alter table connections add column service_account_id text references service_accounts (id);
create index connections_by_service_account on connections (service_account_id);

-- People who disconnected the calendar that their organisation had connected. They are not connected again.
create table organisation_refusals (
    person_id text primary key references people (id),
    organisation_id text not null references organisations (id),
    refused_at bigint not null
);

-- Whether the authorization request creates the organisation's shared account.
alter table authorizations add column for_organisation bigint not null default 0 check (for_organisation in (0, 1));
