// Listings as text: one name on each line.
import type { ListingFormat } from './entries.ts'

export const plainFormat: ListingFormat = {
  head: '',
  show: (entry) => `${'name' in entry ? entry.name : entry.subdir}\n`,
  separator: '',
  tail: '',
}
