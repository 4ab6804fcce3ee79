// Listings as text: a name a line.
import type { ContainerEntry, ObjectEntry, Subdir } from './entries.ts'

export function plainListing(entries: readonly (ContainerEntry | ObjectEntry | Subdir)[]): string {
  let text = ''
  for (const entry of entries) text += `${'name' in entry ? entry.name : entry.subdir}\n`
  return text
}
