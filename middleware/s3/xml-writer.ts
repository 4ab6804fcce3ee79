// Builds XML documents from escaped pieces. A Fragment is text that is XML already; only these
// functions make one, so nothing reaches a document unescaped.

declare const fragment: unique symbol
export type Fragment = string & { readonly [fragment]: true }

export const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

const named: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

// Control characters and U+FFFE, U+FFFF may be in a key, but no XML 1.0 document can hold them. AWS
// writes references; lenient parsers read them, and for strict ones there is encoding-type=url.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
const special = /[&<>"\u0000-\u001f\ufffe\uffff]/g

function escapeText(text: string): string {
  return text.replace(
    special,
    (char) => named[char] ?? `&#x${char.charCodeAt(0).toString(16).toUpperCase()};`,
  )
}

/** Text alone, for a root that holds nothing else. */
export function textOf(text: string): Fragment {
  return escapeText(text) as Fragment
}

/** An element with text in it; nothing where the value is undefined. */
export function leaf(name: string, value: string | number | boolean | undefined): Fragment {
  if (value === undefined) return '' as Fragment
  const text = typeof value === 'string' ? escapeText(value) : String(value)
  return `<${name}>${text}</${name}>` as Fragment
}

/** An element with elements in it. */
export function node(name: string, ...children: readonly Fragment[]): Fragment {
  return `<${name}>${children.join('')}</${name}>` as Fragment
}

/** Elements side by side. */
export function all(children: readonly Fragment[]): Fragment {
  return children.join('') as Fragment
}

/** A root element in S3's namespace. */
export function root(name: string, ...children: readonly Fragment[]): Fragment {
  return `<${name} xmlns="${NAMESPACE}">${children.join('')}</${name}>` as Fragment
}

/** A user in an owner's or grantee's place; AWS writes its kind as an attribute. */
export function grantee(...children: readonly Fragment[]): Fragment {
  const attributes =
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'
  return `<Grantee ${attributes}>${children.join('')}</Grantee>` as Fragment
}

/** Milliseconds, as S3 writes times in XML. */
export function isoTime(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString()
}
