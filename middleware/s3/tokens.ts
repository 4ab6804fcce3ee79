// Continuation tokens: the name behind which a listing goes on, in a form that is opaque to the client.
import { invalidArgument } from './s3-error.ts'

/** First byte of a token: the version of its form. */
const FORM = 1

/** A token for the page behind `name`. */
export function writeToken(name: string): string {
  return Buffer.concat([Buffer.of(FORM), Buffer.from(name)]).toString('base64')
}

/** The name in a token; undefined for none or an empty one. Throws S3Error InvalidArgument. */
export function readToken(token: string | undefined): string | undefined {
  if (token === undefined || token === '') return undefined
  const bytes = Buffer.from(token, 'base64')
  const name = bytes.toString('utf8', 1)
  if (bytes[0] === FORM && writeToken(name) === token) return name
  throw invalidArgument('The continuation token provided is incorrect', 'continuation-token')
}
