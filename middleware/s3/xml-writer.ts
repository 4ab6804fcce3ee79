// What S3's XML documents have beyond plain elements: a namespace, grantees, and times in milliseconds.
import type { Fragment } from '../http/xml-writer.ts'

export { all, DECLARATION, type Fragment, leaf, node, textOf } from '../http/xml-writer.ts'

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A root element in S3's namespace. */
export function root(name: string, ...children: readonly Fragment[]): Fragment {
  return `<${name} xmlns="${NAMESPACE}">${children.join('')}</${name}>` as Fragment
}

/** A user or a group in a grantee's place; AWS writes its kind as an attribute. */
export function grantee(
  kind: 'CanonicalUser' | 'Group',
  ...children: readonly Fragment[]
): Fragment {
  const attributes = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="${kind}"`
  return `<Grantee ${attributes}>${children.join('')}</Grantee>` as Fragment
}

/** Milliseconds, as S3 writes times in XML. */
export function isoTime(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString()
}
