// Builds XML documents from escaped pieces. A Fragment is text that is XML already; only these
// functions make one, so nothing reaches a document unescaped. Both dialects use it.

declare const fragment: unique symbol
export type Fragment = string & { readonly [fragment]: true }

export const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

const named: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

// Control characters and U+FFFE, U+FFFF may be in a name, but no XML 1.0 document can hold them. AWS
// writes references; lenient parsers read them, and for strict ones there are other formats.
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

/** An element with a `name` attribute and elements in it. */
export function namedNode(
  element: string,
  name: string,
  children: readonly Fragment[] = [],
): Fragment {
  const [open, close] = namedTags(element, name)
  return `${open}${children.join('')}${close}` as Fragment
}

/** What stands before and behind the elements in such an element. */
export const namedTags = (element: string, name: string) =>
  [`<${element} name="${escapeText(name)}">`, `</${element}>`] as const

/** Elements side by side. */
export function all(children: readonly Fragment[]): Fragment {
  return children.join('') as Fragment
}
