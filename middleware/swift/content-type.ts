// What type an object is of: as the client says, or as its name does. Swift guesses with Python's
// `mimetypes`, and its clients know those words.
import { lookup } from 'mime-types'
import { SwiftError } from './swift-error.ts'

const UNKNOWN_TYPE = 'application/octet-stream'

/** Short for a tar archive in one of the encodings. */
const TAR = /\.(?:tgz|taz|tz|tbz2|txz)$/i
/** Say how a file is packed, not what it is. */
const ENCODING = /\.(?:gz|Z|bz2|xz|br)$/

/** Where Python's table says otherwise than the registry of media types. */
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

/** The type that an object's name tells by its extension; `application/octet-stream` where it tells none. */
export function guessType(object: string): string {
  const file = object
    .slice(object.lastIndexOf('/') + 1)
    .replace(TAR, '.tar')
    .replace(/\.svgz$/i, '.svg')
    .replace(ENCODING, '')
  // A dot that begins a name begins no extension.
  const extension = /[^.].*\.([^.]+)$/s.exec(file)?.[1]?.toLowerCase()
  if (extension === undefined) return UNKNOWN_TYPE
  return (Object.hasOwn(types, extension) && types[extension]) || lookup(extension) || UNKNOWN_TYPE
}

const isUtf8 = (value: string) => {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.from(bytes.toString()).equals(bytes)
}

/**
 * Refuses a Content-Type that Swift does: no UTF-8, or with a parameter of Swift's own. Throws SwiftError
 * 400. `value` is a byte string.
 */
export function checkType(value: string): string {
  if (!isUtf8(value)) throw new SwiftError(400, 'Invalid Content-Type')
  const parameters = value.split(';').slice(1)
  if (parameters.some((parameter) => parameter.trimStart().startsWith('swift_'))) {
    throw new SwiftError(400, 'Invalid Content-Type, swift_* is not a valid parameter name.')
  }
  return value
}
