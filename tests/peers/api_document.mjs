// Lints the OpenAPI document on standard input with Redocly, generates TypeScript from it, and compiles a client of the
// generated types in strict mode. Prints what each of them finds.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const peer = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), "chronus-api-"));
const run = (name, ...words) => {
  const bin = join(peer, "node_modules", ".bin", name);
  const ran = spawnSync(bin, words, { cwd: folder, encoding: "utf8", env: { ...process.env, REDOCLY_TELEMETRY: "off" } });
  return { code: ran.status, text: `${ran.stdout}${ran.stderr}`, stdout: ran.stdout };
};

const CLIENT = `
import type { components, operations, paths } from "./api";
type Meeting = components["schemas"]["Meeting"];
type Page = components["schemas"]["MeetingList"];
const titles = (page: Page): string[] => page.items.map((meeting: Meeting) => meeting.title);
const body: components["schemas"]["NewMeeting"] = {
  program: "p", owner: "o", attendees: [], title: "Mentoring", description: "",
  start: "2027-03-01T10:00:00Z", end: "2027-03-01T11:00:00Z", zone: "Europe/Rome",
};
type Created = operations["createMeeting"]["responses"][201]["content"]["application/json"];
const code = (problem: components["schemas"]["Problem"]): components["schemas"]["ProblemCode"] => problem.code;
type Listed = paths["/v1/meetings"]["get"]["responses"][200]["content"]["application/json"];
export const all = { titles, body, code, created: (meeting: Created): Listed => ({ items: [meeting], next: null }) };
`;

try {
  writeFileSync(join(folder, "openapi.json"), readFileSync(0));
  writeFileSync(join(folder, "redocly.yaml"), "extends: [recommended]\n");
  writeFileSync(join(folder, "client.ts"), CLIENT);
  symlinkSync(join(peer, "node_modules"), join(folder, "node_modules"));
  const lint = run("redocly", "lint", "openapi.json", "--format", "json", "--max-problems", "1000");
  const found = JSON.parse(lint.stdout.slice(lint.stdout.indexOf("{"))).problems;
  const generated = run("openapi-typescript", "openapi.json", "--output", "api.ts");
  const compiled = run("tsc", "--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "api.ts", "client.ts");
  console.log(JSON.stringify({
    redocly: found.map((one) => `${one.severity} ${one.ruleId}: ${one.message} at ${one.location?.[0]?.pointer}`),
    typescript: [generated, compiled].filter((ran) => ran.code !== 0).map((ran) => ran.text),
  }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
