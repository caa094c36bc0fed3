// Which occurrences calendars have, according to ical.js.
//
//     node occurrences.mjs FOLDER < request.json
//
// FOLDER holds node_modules/ical.js. Request and answer are those of occurrences.py. Zones come from ICU, as other
// programs take them from their own tables; a TZID that ICU does not know is the calendar's own VTIMEZONE.
//
// Some rules keep ical.js busy for ever, so each calendar is read in a thread that can be ended.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const PATIENCE = 10_000;
const folder = isMainThread ? process.argv[2] : workerData.folder;
const { default: ICAL } = await import(pathToFileURL(resolve(folder, 'node_modules/ical.js/dist/ical.js')));
// Otherwise a DATE without VALUE=DATE is an error.
ICAL.design.strict = false;

// More than any real series has up to the end of a window, and not so many that nobody waits for the end.
const MOST = 100_000;

/** The rules of an IANA zone, as ICU has them. */
class IcuZone extends ICAL.Timezone {
  constructor(name) {
    super({ tzid: name });
    const options = { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric', era: 'short' };
    this.format = new Intl.DateTimeFormat('en-US', options);
    this.offsets = new Map();
  }

  /** Seconds east of UTC at an instant in milliseconds. */
  at(instant) {
    const known = this.offsets.get(instant);
    if (known !== undefined) return known;
    const part = Object.fromEntries(this.format.formatToParts(instant).map(({ type, value }) => [type, value]));
    const wall = Date.UTC(+part.year, part.month - 1, +part.day, +part.hour, +part.minute, +part.second);
    const offset = (wall - Math.floor(instant / 1000) * 1000) / 1000;
    this.offsets.set(instant, offset);
    return offset;
  }

  /** RFC 5545 §3.3.5: in a gap by the offset before it, and of two equal times the first. */
  utcOffset(time) {
    const wall = Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute, time.second);
    const [before, after] = [this.at(wall - 86_400_000), this.at(wall + 86_400_000)];
    for (const offset of [before, after]) {
      if (this.at(wall - offset * 1000) === offset) return offset;
    }
    return before;
  }
}

const zones = new Map();

function icu(name) {
  if (!zones.has(name)) {
    try {
      zones.set(name, new IcuZone(name));
    } catch {
      zones.set(name, null);
    }
  }
  return zones.get(name);
}

let owner;

/** Milliseconds since 1970; floating times and whole days in the owner's zone. */
function instant(time) {
  const wall = Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute, time.second);
  if (time.zone === ICAL.Timezone.utcTimezone) return wall;
  const floating = time.isDate || time.zone === ICAL.Timezone.localTimezone || !time.zone;
  return wall - (floating ? owner : time.zone).utcOffset(time) * 1000;
}

function shown(event, start, end) {
  const property = (name) => String(event.component.getFirstPropertyValue(name) ?? '').toUpperCase();
  const utc = (time) => new Date(instant(time)).toISOString().replace('.000Z', 'Z');
  return {
    uid: event.uid ?? '',
    start: utc(start),
    end: utc(end),
    all_day: start.isDate,
    status: property('status'),
    transparent: property('transp') === 'TRANSPARENT',
  };
}

function* ofSeries(master, before) {
  if (!master.isRecurring()) {
    yield [master, master.startDate, master.endDate];
    return;
  }
  const iterator = master.iterator();
  for (let steps = 0, next; (next = iterator.next()); steps += 1) {
    if (steps > MOST) throw new Error(`more than ${MOST} steps`);
    if (next instanceof ICAL.Period) {
      yield [master, next.start, next.getEnd()];
      continue;
    }
    // What was moved is seen although its place in the series is behind the window.
    if (instant(next) > before + 400 * 86_400_000) return;
    const { item, startDate, endDate } = master.getOccurrenceDetails(next);
    yield [item, startDate, endDate];
  }
}

/** All occurrences that begin before an instant, each with its times. */
function occurrences(root, before) {
  ICAL.TimezoneService.reset();
  for (const component of root.getAllSubcomponents('vtimezone')) {
    const tzid = component.getFirstPropertyValue('tzid');
    ICAL.TimezoneService.register(icu(tzid) ?? new ICAL.Timezone({ component, tzid }), tzid);
  }
  for (const [, tzid] of JSON.stringify(root.toJSON()).matchAll(/"tzid":"([^"]*)"/g)) {
    if (!ICAL.TimezoneService.has(tzid) && icu(tzid)) ICAL.TimezoneService.register(icu(tzid), tzid);
  }
  const components = root.getAllSubcomponents('vevent');
  const changes = components.filter((component) => component.hasProperty('recurrence-id'));
  const uid = (component) => component.getFirstPropertyValue('uid');
  const related = new Set();
  const found = [];
  for (const component of components.filter((component) => !changes.includes(component))) {
    const exceptions = changes.filter((change) => uid(change) === uid(component));
    exceptions.forEach((change) => related.add(change));
    found.push(...ofSeries(new ICAL.Event(component, { exceptions }), before));
  }
  const unrelated = changes.filter((change) => !related.has(change)).map((change) => new ICAL.Event(change));
  const alone = unrelated.map((event) => [event, event.startDate, event.endDate]);
  const all = [...found, ...alone];
  return all.map(([event, start, end]) => ({ ...shown(event, start, end), from: instant(start), to: instant(end) }));
}

/** What is no calendar but an event is in one. */
function calendar(root) {
  if (root.name === 'vcalendar') return root;
  const around = new ICAL.Component('vcalendar');
  around.addSubcomponent(root);
  return around;
}

function answer({ text, windows }) {
  const asked = windows.map((window) => window.map(Date.parse));
  const parsed = ICAL.parse(text);
  const roots = (typeof parsed[0] === 'string' ? [parsed] : parsed).map((one) => calendar(new ICAL.Component(one)));
  const all = roots.flatMap((root) => occurrences(root, Math.max(...asked.map(([, before]) => before))));
  const order = ({ start, end, uid }) => start + end + uid;
  all.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return asked.map(([from, before]) => {
    const within = all.filter((one) => one.from < before && (one.to > from || one.from >= from));
    return { occurrences: within.map(({ from, to, ...one }) => one) };
  });
}

/** How long it takes, so many times. */
function timed(calendar, times) {
  const seconds = [];
  let answers;
  for (let time = 0; time < times; time += 1) {
    const began = performance.now();
    answers = answer(calendar);
    seconds.push((performance.now() - began) / 1000);
  }
  return { seconds, occurrences: answers.reduce((sum, { occurrences }) => sum + occurrences.length, 0) };
}

function worker() {
  return new Worker(fileURLToPath(import.meta.url), { workerData: { folder } });
}

/** What a thread says of a calendar; an error if it says nothing in time. */
function ask(thread, zone, calendar) {
  return new Promise((done) => {
    const late = setTimeout(() => done(null), PATIENCE);
    thread.once('message', (answer) => {
      clearTimeout(late);
      done(answer);
    });
    thread.postMessage({ zone, calendar });
  });
}

async function main() {
  const { zone, calendars, times } = JSON.parse(readFileSync(0, 'utf8'));
  const answers = {};
  if (times) {
    owner = icu(zone);
    for (const [name, calendar] of Object.entries(calendars)) answers[name] = timed(calendar, times);
    process.stdout.write(JSON.stringify(answers));
    return;
  }
  let thread = worker();
  for (const [name, calendar] of Object.entries(calendars)) {
    answers[name] = await ask(thread, zone, calendar);
    if (answers[name] === null) {
      await thread.terminate();
      thread = worker();
      answers[name] = calendar.windows.map(() => ({ error: `no answer in ${PATIENCE / 1000} s` }));
    }
  }
  await thread.terminate();
  process.stdout.write(JSON.stringify(answers));
}

if (isMainThread) {
  await main();
} else {
  parentPort.on('message', ({ zone, calendar }) => {
    owner = icu(zone);
    try {
      parentPort.postMessage(answer(calendar));
    } catch (error) {
      parentPort.postMessage(calendar.windows.map(() => ({ error: String(error) })));
    }
  });
}
