// Parts of S3's XML documents that are no plain elements: the root with its namespace, grantees, and times.
import type { Fragment } from '../http/xml-writer.ts'

export { all, DECLARATION, type Fragment, leaf, node, textOf } from '../http/xml-writer.ts'

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A root element in S3's namespace. */
export function root(name: string, ...children: readonly Fragment[]): Fragment {
  return `<${name} xmlns="${NAMESPACE}">${children.join('')}</${name}>` as Fragment
}

/** A `<Grantee>`: a user or a group, whose kind AWS writes as an attribute. */
export function grantee(
  kind: 'CanonicalUser' | 'Group',
  ...children: readonly Fragment[]
): Fragment {
  const attributes = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="${kind}"`
  return `<Grantee ${attributes}>${children.join('')}</Grantee>` as Fragment
}

/** A time in ISO 8601 with milliseconds, as S3 writes times in XML. */
export function isoTime(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString()
}
