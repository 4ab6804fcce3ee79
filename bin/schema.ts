// `npm run schema`: writes etc/coffer.schema.json, etc/coffer.yaml and docs/config.md from the one schema. A
// test fails where the files differ from that.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { renderPage, renderSample } from '../lib/config/render.ts'
import { configSchema } from '../lib/config/schema.ts'

/** The generated files, by their paths in the repository. */
export function generated(): Readonly<Record<string, string>> {
  return {
    'etc/coffer.schema.json': `${JSON.stringify(configSchema, null, 2)}\n`,
    'etc/coffer.yaml': renderSample(),
    'docs/config.md': renderPage(),
  }
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, text] of Object.entries(generated())) {
    writeFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), text)
  }
}
