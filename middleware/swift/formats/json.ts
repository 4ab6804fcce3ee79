// Listings as JSON: an array of objects.
import type { ListingFormat } from './entries.ts'

export const jsonFormat: ListingFormat = {
  head: '[',
  show: (entry) => JSON.stringify(entry),
  separator: ',',
  tail: ']',
}
