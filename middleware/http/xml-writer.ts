// Builds XML documents from escaped pieces, for both dialects. A Fragment is a text that is XML already. Only these
// functions make Fragments, so that nothing reaches a document unescaped.

declare const fragment: unique symbol
export type Fragment = string & { readonly [fragment]: true }

export const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

const named: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

// Names may hold control characters, U+FFFE and U+FFFF, which no XML 1.0 document can. They are written as
// references, as AWS writes them. Lenient parsers read those. Clients with strict parsers can choose other formats.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
const special = /[&<>"\u0000-\u001f\ufffe\uffff]/g

function escapeText(text: string): string {
  return text.replace(
    special,
    (char) => named[char] ?? `&#x${char.charCodeAt(0).toString(16).toUpperCase()};`,
  )
}

/** A text without an element, for a root that holds nothing else. */
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

/** The tags of an element with a `name` attribute. */
export const namedTags = (element: string, name: string) =>
  [`<${element} name="${escapeText(name)}">`, `</${element}>`] as const

/** Elements side by side. */
export function all(children: readonly Fragment[]): Fragment {
  return children.join('') as Fragment
}
