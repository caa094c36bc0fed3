-- An organisation's own account at a calendar service, by which its people are connected, for SQLite and PostgreSQL alike.

-- Mail domains that are an organisation's, on the operator's word: only people with an address in one are connected.
create table organisation_domains (
    domain text primary key,
    organisation_id text not null references organisations (id),
    added_at bigint not null
);
create index organisation_domains_by_organisation on organisation_domains (organisation_id, domain);

create table organisation_accounts (
    id text primary key,
    organisation_id text not null references organisations (id),
    provider_id text not null references providers (id),
    sign_in text not null,
    -- delegated: a key that acts for each person; shared: one mailbox that people share their free/busy with
    kind text not null,
    -- The mailbox that it was tried with; of a shared account, its own.
    mailbox text not null,
    -- The name of the service account or the application, which is no secret; empty for a shared account.
    client text,
    -- JSON: what the provider sees of the token's reply.
    fields text not null,
    -- connected, reconnect
    state text not null,
    -- The key or the tokens, sealed, and which key seals them.
    sealed bytea not null,
    sealed_by text not null,
    -- Of a shared account: where its token is refreshed, when it ends, and which host is at it.
    token_endpoint text,
    token_expires_at bigint,
    refresh_lease text,
    refresh_until bigint,
    saved_by text not null references people (id),
    saved_at bigint not null,
    unique (organisation_id, provider_id)
);

-- By which account the organisation made the connection, empty for people's own.
alter table connections add column organisation_account_id text references organisation_accounts (id);
create index connections_by_organisation_account on connections (organisation_account_id);

-- People who disconnected what their organisation had connected: that is not done again.
create table organisation_refusals (
    person_id text primary key references people (id),
    organisation_id text not null references organisations (id),
    refused_at bigint not null
);

-- Whether what is begun at the service's page becomes the organisation's shared account.
alter table authorizations add column for_organisation bigint not null default 0;
