// Makes a component from a provider in JavaScript:
//
//   node build.mjs provider.js WIT provider.wasm    WIT is the folder of the contract

import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [sourcePath, witPath, out] = process.argv.slice(2);
const { component } = await componentize({ sourcePath, witPath, worldName: 'read-only' });
await writeFile(out, component);
