// The system libraries that compiled files need, as Debian's package relations. They are read from the library
// names and symbol versions that an ELF file holds as text (ld.so(8)), so that no tool of the distribution is
// needed.
import { readFileSync } from 'node:fs'

/** Debian's packages, by the library's file name. */
const packageOf: Readonly<Record<string, string>> = {
  'libc.so.6': 'libc6',
  'libgcc_s.so.1': 'libgcc-s1',
  'libstdc++.so.6': 'libstdc++6',
  'libatomic.so.1': 'libatomic1',
}

/** The GCC release that introduced GLIBCXX_3.4.n (the ABI page of the libstdc++ manual), by n. */
const gccOf: readonly (readonly [n: number, gcc: string])[] = [
  [21, '5.2'],
  [22, '6'],
  [24, '7'],
  [25, '8'],
  [28, '9'],
  [29, '11'],
  [30, '12'],
  [32, '13.1'],
  [33, '14'],
]

/** Relations as `libc6 (>= 2.28)`, sorted. Throws where a file needs a newer libstdc++ than the table has. */
export function librariesOf(files: readonly string[]): string[] {
  const needed = new Set<string>()
  let glibcMinor = 0
  let glibcxx = 0
  for (const file of files) {
    const text = readFileSync(file, 'latin1')
    for (const [library, name] of Object.entries(packageOf)) {
      if (text.includes(`\0${library}\0`)) needed.add(name)
    }
    glibcMinor = Math.max(glibcMinor, highest(text, /\0GLIBC_2\.(\d+)(?=[.\0])/g))
    glibcxx = Math.max(glibcxx, highest(text, /\0GLIBCXX_3\.4\.(\d+)\0/g))
  }
  const gcc = gccOf.find(([n]) => n >= glibcxx)?.[1]
  if (gcc === undefined) throw new Error(`no GCC is known that has GLIBCXX_3.4.${glibcxx}`)
  const least: Record<string, string> = { libc6: `2.${glibcMinor}`, 'libstdc++6': gcc }
  return [...needed]
    .sort()
    .map((name) => (Object.hasOwn(least, name) ? `${name} (>= ${least[name]})` : name))
}

function highest(text: string, version: RegExp): number {
  return Math.max(0, ...[...text.matchAll(version)].map((match) => Number(match[1])))
}
