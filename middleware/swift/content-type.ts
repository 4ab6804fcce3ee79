// An object's type: the one that the client sends, or one guessed from the object's name. The words are those of
// Python's `mimetypes`, with which Swift guesses.
import { lookup } from 'mime-types'
import { SwiftError } from './swift-error.ts'

const UNKNOWN_TYPE = 'application/octet-stream'

/** Extensions that stand for a packed tar archive. */
const TAR = /\.(?:tgz|taz|tz|tbz2|txz)$/i
/** Extensions that name a packing and no type. */
const ENCODING = /\.(?:gz|Z|bz2|xz|br)$/

/** Types by extension, where Python's table differs from the registry of media types. */
const types: Readonly<Record<string, string>> = {
  bat: 'text/plain',
  c: 'text/plain',
  h: 'text/plain',
  ksh: 'text/plain',
  pl: 'text/plain',
  py: 'text/x-python',
  sgm: 'text/x-sgml',
  sgml: 'text/x-sgml',
  srt: 'text/plain',
  wav: 'audio/x-wav',
  xml: 'text/xml',
}

/** The type for the extension of an object's name, `application/octet-stream` for an unknown extension or none. */
export function guessType(object: string): string {
  const file = object
    .slice(object.lastIndexOf('/') + 1)
    .replace(TAR, '.tar')
    .replace(/\.svgz$/i, '.svg')
    .replace(ENCODING, '')
  // The dot of a name such as `.profile` begins no extension.
  const extension = /[^.].*\.([^.]+)$/s.exec(file)?.[1]?.toLowerCase()
  if (extension === undefined) return UNKNOWN_TYPE
  return (Object.hasOwn(types, extension) && types[extension]) || lookup(extension) || UNKNOWN_TYPE
}

const isUtf8 = (value: string) => {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.from(bytes.toString()).equals(bytes)
}

/**
 * Returns a Content-Type that Swift accepts. Throws SwiftError 400 for one that is no UTF-8 or has a parameter of
 * Swift's own. `value` is a byte string.
 */
export function checkType(value: string): string {
  if (!isUtf8(value)) throw new SwiftError(400, 'Invalid Content-Type')
  const parameters = value.split(';').slice(1)
  if (parameters.some((parameter) => parameter.trimStart().startsWith('swift_'))) {
    throw new SwiftError(400, 'Invalid Content-Type, swift_* is not a valid parameter name.')
  }
  return value
}
