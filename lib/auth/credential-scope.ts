// The credential of a SigV4 signature, `<access>/<date>/<region>/<service>/aws4_request`, and S3's messages for
// a wrong one, of which there is one set for the Authorization header and one for the query.
import { CofferError } from '../errors.ts'

/** Where a signature stands in the request. Decides the error code and the beginning of its message. */
export type Place = 'header' | 'query'

export interface CredentialScope {
  readonly access: string
  /** yyyyMMdd */
  readonly date: string
  readonly region: string
  /** `<date>/<region>/s3/aws4_request` */
  readonly scope: string
}

/** SignatureMalformed or SignatureQueryMalformed, with S3's message. */
export function malformed(place: Place, text: string, region?: string): CofferError {
  return place === 'header'
    ? new CofferError('SignatureMalformed', {
        message: `The authorization header is malformed; ${text}`,
        region,
      })
    : new CofferError('SignatureQueryMalformed', { message: text, region })
}

/** An access key may hold `/`, so that the four fields of the scope are taken from the end. */
function split(credential: string): string[] | undefined {
  const fields = credential.split('/')
  if (fields.length < 5) return undefined
  return [fields.slice(0, -4).join('/'), ...fields.slice(-4)]
}

/**
 * Reads a credential and checks its scope. The scope must name the day of `timestamp`, the request's date.
 * Throws SignatureMalformed (from a header) or SignatureQueryMalformed (from a query), with details.region
 * where the region is wrong.
 */
export function readCredential(
  place: Place,
  credential: string,
  timestamp: string,
  expectedRegion: string,
): CredentialScope {
  const refuse = (text: string, region?: string) =>
    malformed(
      place,
      place === 'header' ? text : `Error parsing the X-Amz-Credential parameter; ${text}`,
      region,
    )
  const fields = split(credential)
  if (fields === undefined || fields[0] === '') {
    throw refuse(
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    )
  }
  const [access, date, region, service, terminal] = fields as [
    string,
    string,
    string,
    string,
    string,
  ]
  if (!/^\d{8}$/.test(date)) {
    throw refuse(
      `incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`,
    )
  }
  if (terminal !== 'aws4_request') {
    throw refuse(`incorrect terminal "${terminal}". This endpoint uses "aws4_request".`)
  }
  if (service !== 's3') {
    throw refuse(`incorrect service "${service}". This endpoint belongs to "s3".`)
  }
  if (region !== expectedRegion) {
    throw refuse(`the region '${region}' is wrong; expecting '${expectedRegion}'`, expectedRegion)
  }
  if (date !== timestamp.slice(0, 8)) {
    throw refuse(
      `Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`,
    )
  }
  return { access, date, region, scope: `${date}/${region}/s3/aws4_request` }
}
