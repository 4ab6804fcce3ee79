// The format of a listing, by `?format=` or the Accept header. The header is read in one pass, each character once.
// Swift's own pattern could be made to run for minutes (CVE-2026-71190).
import { SwiftError } from './swift-error.ts'

export type Format = 'plain' | 'json' | 'xml'

/** A format, and the content type by which the client accepted it. */
export interface Chosen {
  readonly format: Format
  /** The answer's Content-Type, with its charset. */
  readonly contentType: string
}

/** Formats by content type, in the order in which they are preferred. */
const formats: ReadonlyMap<string, Format> = new Map([
  ['text/plain', 'plain'],
  ['application/json', 'json'],
  ['application/xml', 'xml'],
  ['text/xml', 'xml'],
])

const offered = [...formats.keys()]

const byName: ReadonlyMap<string, string> = new Map([
  ['plain', 'text/plain'],
  ['json', 'application/json'],
  ['xml', 'application/xml'],
])

const token = /^[!#$%&'*+.^`|~\w-]+$/

interface MediaRange {
  readonly type: string
  readonly subtype: string
  readonly quality: number
}

/** The parts of a text between separators outside quotes. Undefined where a quote is left open. */
function cut(text: string, separator: string): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '"') quoted = !quoted
    else if (char === '\\' && quoted) i++
    else if (char === separator && !quoted) {
      parts.push(text.slice(start, i).trim())
      start = i + 1
    }
  }
  parts.push(text.slice(start).trim())
  return quoted ? undefined : parts
}

function qualityOf(parameters: readonly string[]): number | undefined {
  let quality: number | undefined
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    if (equals === -1) return undefined
    const name = parameter.slice(0, equals).trim()
    const value = parameter.slice(equals + 1).trim()
    if (!token.test(name) || !(token.test(value) || /^".*"$/.test(value))) return undefined
    if (name.toLowerCase() !== 'q') continue
    if (quality !== undefined || !/^(?=.*\d)\d{0,3}(?:\.\d{0,9})?$/.test(value)) return undefined
    quality = Number(value)
  }
  return quality ?? 1
}

/** The media ranges of an Accept header (RFC 9110 §12.5.1). Undefined where it cannot be read. */
function parseAccept(header: string): MediaRange[] | undefined {
  const ranges: MediaRange[] = []
  for (const part of cut(header, ',') ?? ['']) {
    const [media = '', ...parameters] = cut(part, ';') ?? []
    const slash = media.indexOf('/')
    const type = media.slice(0, Math.max(slash, 0)).toLowerCase()
    const subtype = media.slice(slash + 1).toLowerCase()
    // A `;` at the end adds an empty parameter, which is ignored.
    const quality = qualityOf(parameters.filter((parameter) => parameter !== ''))
    if (!token.test(type) || !token.test(subtype) || quality === undefined) return undefined
    ranges.push({ type, subtype, quality })
  }
  return ranges
}

const isSpecific = ({ type, subtype }: MediaRange) => type !== '*' && subtype !== '*'

/** The content type that fits best: by quality, then without wildcards, then in the order of the header. */
export function bestMatch(accept: string, options: readonly string[]): string | undefined {
  const ranges = parseAccept(accept)
  if (ranges === undefined) throw new SwiftError(400, 'Invalid Accept header')
  const wanted = ranges
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || Number(isSpecific(b)) - Number(isSpecific(a)))
  for (const { type, subtype } of wanted) {
    for (const option of options) {
      const [a, b] = option.split('/')
      if ((type === '*' || type === a) && (subtype === '*' || subtype === b)) return option
    }
  }
  return undefined
}

const chosen = (type: string): Chosen => ({
  format: formats.get(type)!,
  contentType: `${type}; charset=utf-8`,
})

/**
 * The format of a listing. `format=` counts before Accept, and an unknown word in it means plain.
 * Throws SwiftError: 406 where nothing fits, 400 where Accept cannot be read.
 */
export function chooseFormat(format: string | undefined, accept: string | undefined): Chosen {
  if (format) return chosen(byName.get(format.toLowerCase()) ?? 'text/plain')
  const type = accept ? bestMatch(accept, offered) : 'text/plain'
  if (type === undefined) throw new SwiftError(406)
  return chosen(type)
}

/** The format of a document that is part of an answer: text where Accept fits nothing, or cannot be read. */
export function chooseDocument(accept: string | undefined): Chosen {
  try {
    return chooseFormat(undefined, accept)
  } catch (error) {
    if (error instanceof SwiftError) return chosen('text/plain')
    throw error
  }
}
