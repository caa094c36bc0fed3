-- Who did what, and what was sent where. The conventions are those of 0001_first.sql.

-- Entries are inserted in the transaction of the act, never updated, and deleted by age. They refer to no other row, so that
-- they stay when the row is deleted, and name people by their ids only.
create table audit_entries (
    id text primary key,
    recorded_at bigint not null,
    organisation_id text,
    program_id text,
    author text not null check (author in ('operator', 'integration', 'person', 'visitor', 'host')),
    person_id text,
    -- The name of the token, or of an operator's account on a machine.
    author_name text,
    means text not null check (means in ('command-line', 'api', 'browser', 'job', 'host')),
    -- The token, the session or the job.
    means_id text,
    act text not null check (act in (
        'organisation-created', 'domain-added', 'domain-removed', 'program-created', 'program-changed',
        'offer-added', 'offer-removed', 'person-created', 'role-changed', 'membership-set',
        'membership-removed', 'token-created', 'token-revoked', 'sign-in-requested', 'signed-in',
        'signed-out', 'other-sessions-ended', 'plugin-added', 'grant-accepted', 'plugin-removed',
        'oauth-client-set', 'key-found', 'key-added', 'key-used', 'secrets-rewrapped', 'job-retried', 'job-failed',
        'meeting-scheduled', 'meeting-changed', 'meeting-cancelled', 'meeting-released', 'event-written',
        'event-removed', 'event-not-written', 'connection-begun', 'connecting-failed', 'calendar-connected',
        'calendar-disconnected', 'access-changed', 'credential-lost', 'service-account-tried',
        'service-account-saved', 'service-account-removed', 'credential-revoked', 'mail-sent')),
    subject_kind text not null check (subject_kind in (
        'organisation', 'domain', 'program', 'person', 'token', 'sign-in', 'session', 'provider', 'key',
        'job', 'meeting', 'connection', 'service-account', 'revocation')),
    subject_id text not null,
    -- JSON: the values before and after, without secrets and texts of meetings.
    before_values text not null,
    after_values text not null
);
create index audit_entries_of_organisation on audit_entries (organisation_id, recorded_at, id);
create index audit_entries_by_time on audit_entries (recorded_at, id);
