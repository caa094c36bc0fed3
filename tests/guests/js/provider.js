// A read-only provider in JavaScript, for the service that tests/guests/README.md describes.

import { transitions } from 'chronus:calendar/zones@0.2.0';

const SERVICE = 'https://memory.example';
const CALENDAR = 'home';
const DAY = 86_400;

export const plugin = {
  describe: () => ({
    id: 'reader-js',
    name: 'Reader in JavaScript',
    version: '0.1.0',
    stateFormat: 1,
    signIns: [
      {
        id: 'password',
        label: 'User and password',
        method: {
          tag: 'form',
          val: {
            fields: [
              { name: 'user', label: 'User', kind: 'text', help: '' },
              { name: 'password', label: 'Password', kind: 'secret', help: '' },
            ],
          },
        },
        attach: { tag: 'basic', val: { userField: 'user', secretField: 'password' } },
        subjectPaths: [],
      },
    ],
    hosts: [SERVICE],
    readOnlyPosts: [],
    limits: {
      busyWindow: BigInt(366 * DAY),
      changesWindow: BigInt(366 * DAY),
      pageSize: 1,
      getMany: 1,
      pollFloor: 60,
      concurrency: 4,
    },
  }),
};

export const account = {
  open: exported(async (connection) => {
    await getJson('/account');
    const home = { id: CALENDAR, name: 'Home', role: 'owner', isDefault: true, takesMeetings: false };
    return {
      account: {
        address: connection.address,
        otherAddresses: [],
        calendars: [home],
        abilities: { readBusy: true },
      },
    };
  }),

  explainFailure(connection, { error }) {
    if (error === 'invalid_grant') return failure('reconnect', 'the service no longer accepts the credential', error);
    return failure('temporary', 'the sign-in failed', error);
  },
};

export const busy = {
  query: exported(async (connection, targets, window) => {
    if (window.end <= window.start) {
      throw failure({ tag: 'invalid', val: 'window' }, 'the end of the window is not after its start');
    }
    if (targets.tag !== 'calendars') {
      throw failure('unsupported', 'the service does not tell when other people are busy');
    }
    const answers = [];
    for (const target of targets.val) {
      answers.push({ target, outcome: await outcomeOf(() => busyTimes(target, connection.zone, window)) });
    }
    return { answers };
  }),
};

/** Prints an error of the code: componentize-js takes the error for a failure of the contract, and its message is lost. */
function exported(call) {
  return async (...values) => {
    try {
      return await call(...values);
    } catch (error) {
      if (!error.remedy) console.error(`${error}\n${error.stack}`);
      throw error;
    }
  };
}

/** A `result` that is part of a record: what the function returns, or the failure that it throws. */
async function outcomeOf(call) {
  try {
    return { tag: 'ok', val: await call() };
  } catch (error) {
    if (!error.remedy) throw error;
    return { tag: 'err', val: error };
  }
}

async function busyTimes(calendar, zone, window) {
  const found = [];
  const problems = [];
  for (const { id, data } of await texts(calendar)) {
    try {
      found.push(...intervalsOf(JSON.parse(data), zone));
    } catch (error) {
      if (error.remedy) throw error;
      problems.push({ id, what: `the text cannot be read (${error.name})` });
    }
  }
  const intervals = found
    .map((interval) => ({
      ...interval,
      start: interval.start > window.start ? interval.start : window.start,
      end: interval.end < window.end ? interval.end : window.end,
    }))
    // What is outside of the window now ends before it starts.
    .filter(({ start, end }) => start < end)
    .sort((one, other) => Number(one.start - other.start || one.end - other.end));
  return { intervals, problems };
}

/** All texts of a calendar, page by page. */
async function texts(calendar) {
  const all = [];
  for (let number = 0; ; number++) {
    const page = await getJson(`/calendars/${encodeURIComponent(calendar)}/pages/${number}`);
    if (!Array.isArray(page?.items) || typeof page.more !== 'boolean') {
      throw failure('temporary', 'the answer is not a page');
    }
    all.push(...page.items);
    if (!page.more) return all;
  }
}

function intervalsOf(text, zone) {
  if (text.status === 'cancelled') return [];
  const kind = text.free ? 'free' : text.status === 'unanswered' ? 'unanswered' : 'busy';
  const allDay = text.days !== undefined;
  const times = allDay ? [text.days.map((day) => midnight(day, zone))] : text.times.map((pair) => pair.map(instant));
  return times.map(([start, end]) => ({ start, end, kind, allDay }));
}

/** The contract counts seconds since 1970, as a BigInt, which refuses the NaN of a text that is no time. */
function instant(time) {
  return BigInt(Date.parse(time) / 1000);
}

/** When a day begins in a zone. The host has the rules of the zones; the engine has no `Intl`. */
function midnight(day, zone) {
  const local = instant(`${day}T00:00:00Z`);
  const rules = transitions(zone, { start: local - BigInt(DAY), end: local + BigInt(DAY) });
  if (!rules) throw failure('temporary', `the host does not know the zone ${zone}`);
  // Where the clocks skip midnight, this is the offset before; where midnight occurs twice, it is the first.
  let offset = rules.transitions[0].offset;
  for (const next of rules.transitions.slice(1)) {
    if (next.at + BigInt(Math.max(offset, next.offset)) <= local) offset = next.offset;
  }
  return local - BigInt(offset);
}

async function getJson(path) {
  let response, text;
  try {
    response = await fetch(SERVICE + path);
    text = await response.text();
  } catch (error) {
    throw failure('temporary', `the service did not answer: ${error.message}`);
  }
  if (!response.ok) throw refusal(response);
  try {
    return JSON.parse(text);
  } catch {
    throw failure('temporary', 'the answer is not JSON');
  }
}

/** What an answer other than 2xx means. */
function refusal({ status, headers }) {
  const code = String(status);
  const retryAfter = headers.get('retry-after');
  if (status === 429 || (status === 503 && retryAfter !== null)) {
    const milliseconds = BigInt(Math.max(wait(retryAfter), 2000));
    return failure({ tag: 'slow-down', val: { milliseconds, scope: 'connection' } }, 'too many requests', code);
  }
  const remedies = { 401: 'reconnect', 403: 'not-permitted', 404: 'not-found', 410: 'gone' };
  return failure(remedies[status] ?? 'temporary', `the service answered ${status}`, code);
}

/** How long `retry-after` asks to wait, in milliseconds: it has seconds or a date. 0 if it has neither. */
function wait(retryAfter) {
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter) * 1000;
  return Date.parse(retryAfter) - Date.now() || 0;
}

/** A failure of the contract. A function fails by throwing it. */
function failure(remedy, detail, serviceCode = '') {
  return { remedy: typeof remedy === 'string' ? { tag: remedy } : remedy, serviceCode, detail };
}
