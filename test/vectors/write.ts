// Writes the test vectors beside this file: `npm run vectors`. A test fails where the committed files
// are not what this makes.
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { allVectors } from './cases.ts'
import { macVectors } from './macs.ts'
import { printVector } from './vector.ts'

/** Every vector file's text, by file name. */
export function vectorFiles(): Map<string, string> {
  return new Map(allVectors().map(([name, vector]) => [`${name}.vec`, printVector(vector)]))
}

if (process.argv[1] === import.meta.filename) {
  const folder = import.meta.dirname
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.vec')) rmSync(`${folder}/${file}`)
  }
  for (const [file, text] of vectorFiles()) writeFileSync(`${folder}/${file}`, text)
  writeFileSync(`${folder}/macs.json`, macVectors())
}
