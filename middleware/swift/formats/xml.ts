// Listings as XML.
import { DECLARATION, leaf, namedNode, namedTags, node } from '../../http/xml-writer.ts'
import type { ContainerEntry, Listed, ListingFormat, ObjectEntry, Subdir } from './entries.ts'

const containerOf = ({ name, count, bytes, last_modified }: ContainerEntry) =>
  node(
    'container',
    leaf('name', name),
    leaf('count', count),
    leaf('bytes', bytes),
    leaf('last_modified', last_modified),
  )

const objectOf = ({ name, hash, bytes, content_type, last_modified }: ObjectEntry) =>
  node(
    'object',
    leaf('name', name),
    leaf('hash', hash),
    leaf('bytes', bytes),
    leaf('content_type', content_type),
    leaf('last_modified', last_modified),
  )

/** The element of a common prefix. In a container's listing its name is there twice, as attribute and as element. */
const subdirOf = ({ subdir }: Subdir, { level }: Listed) =>
  namedNode('subdir', subdir, level === 'container' ? [leaf('name', subdir)] : [])

export function xmlFormat(listed: Listed): ListingFormat {
  const [open, close] = namedTags(listed.level, listed.name)
  return {
    head: DECLARATION + open,
    show(entry) {
      if ('subdir' in entry) return subdirOf(entry, listed)
      return 'hash' in entry ? objectOf(entry) : containerOf(entry)
    },
    separator: '',
    tail: close,
  }
}
