// Runs the Google of `emulate`, at a port of the system's choice, which is the first line of standard output.
//
//     node emulate.mjs FOLDER USER…
//
// FOLDER holds node_modules/emulate; each USER is a mail address. The client is `chronus.apps.example`, its redirect
// address is not looked at. It ends when standard input does.

import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

// It takes a port of its own where none, or 0, is named; and nobody else may have taken what is free a moment before.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function onAnyPort(_port, ...rest) {
  const said = rest.find((one) => typeof one === 'function');
  return listen.call(this, { port: 0, host: '127.0.0.1' }, () => {
    process.stdout.write(`${this.address().port}\n`);
    said?.();
  });
};

const [folder, ...addresses] = process.argv.slice(2);
const { createEmulator } = await import(pathToFileURL(path.resolve(folder, 'node_modules/emulate/dist/api.js')));
const users = addresses.map((email) => ({ email, name: email.split('@')[0] }));
const calendars = addresses.map((email) => ({ id: email, user_email: email, summary: email, primary: true, time_zone: 'UTC' }));
const events = addresses.map((email, number) => ({
  id: `event${number}`, user_email: email, calendar_id: email, summary: 'Dentist',
  start_date_time: '2027-03-01T10:00:00Z', end_date_time: '2027-03-01T11:00:00Z',
}));
await createEmulator({ service: 'google', port: 1, seed: { google: { users, calendars, calendar_events: events } } });
process.stdin.on('end', () => process.exit(0)).resume();
