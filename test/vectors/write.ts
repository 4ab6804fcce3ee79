// Writes the test vectors beside this file: `npm run vectors`. A test fails where the committed files
// are not what this makes.
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { allVectors } from './cases.ts'
import { macVectors } from './macs.ts'
import { objectVectors } from './objects.ts'
import { tables } from './tables.ts'
import { printVector } from './vector.ts'

/** Text of a table: an object to a line where it is one of many. */
function printTable(table: object): string {
  const fields = Object.entries(table).map(([name, value]) => {
    if (!Array.isArray(value)) return `${JSON.stringify(name)}: ${JSON.stringify(value)}`
    const lines = value.map((each) => JSON.stringify(each)).join(',\n')
    return `${JSON.stringify(name)}: [\n${lines}\n]`
  })
  return `{\n${fields.join(',\n')}\n}\n`
}

/** Every vector file's text, by file name. */
export function vectorFiles(): Map<string, string> {
  const all = { objects: objectVectors(), ...tables() }
  return new Map([
    ...allVectors().map(([name, vector]) => [`${name}.vec`, printVector(vector)] as const),
    ...Object.entries(all).map(([name, table]) => [`${name}.json`, printTable(table)] as const),
    ['macs.json', macVectors()] as const,
  ])
}

/** True for the name of a vector file. */
export const isVectorFile = (name: string) => /\.(vec|json)$/.test(name)

if (process.argv[1] === import.meta.filename) {
  const folder = import.meta.dirname
  for (const file of readdirSync(folder)) {
    if (isVectorFile(file)) rmSync(`${folder}/${file}`)
  }
  for (const [file, text] of vectorFiles()) writeFileSync(`${folder}/${file}`, text)
}
