// The one place in which verbs encode and decode rows of the identity service and of the key manager: what these say counts
// only where their MACs hold (D-MAC-IDENTITY).
import type { Row } from '../catalog/catalog.ts'
import type { Codec, ReadRow, SignedCodec } from '../catalog/codec.ts'
import {
  type AppCredentialRow,
  appCredentialRow,
  type Ec2CredentialRow,
  ec2CredentialRow,
  type ProjectRow,
  projectRow,
  type SecretContainerRow,
  type SecretHomeRow,
  type SecretOrderRow,
  type SecretPayloadRow,
  type SecretRow,
  secretContainerRow,
  secretHomeRow,
  secretOrderRow,
  secretPayloadRow,
  secretRow,
  type UserRow,
  userRow,
} from '../catalog/identity-rows.ts'
import type { RowMacs } from '../crypto/row-mac.ts'

/** The content of each kind of row that has a MAC. */
interface SignedContents {
  project: ProjectRow
  user: UserRow
  ec2Credential: Ec2CredentialRow
  appCredential: AppCredentialRow
  secret: SecretRow
  secretOrder: SecretOrderRow
  secretContainer: SecretContainerRow
}

/** The content of each kind of row. */
export interface RowContents extends SignedContents {
  /** Its envelope proves itself. */
  secretPayload: SecretPayloadRow
  /** It leads to a row that has a MAC. */
  secretHome: SecretHomeRow
}

export type RowKind = keyof RowContents

/** Rows that have a MAC. */
export const signedForms: { readonly [K in keyof SignedContents]: SignedCodec<SignedContents[K]> } =
  {
    project: projectRow,
    user: userRow,
    ec2Credential: ec2CredentialRow,
    appCredential: appCredentialRow,
    secret: secretRow,
    secretOrder: secretOrderRow,
    secretContainer: secretContainerRow,
  }

type Form<T> = Pick<SignedCodec<T>, 'encode' | 'read'>

/** A row without a MAC: whoever wrote it is believed. */
const plain = <T>({ encode, decode }: Codec<T>): Form<T> => ({
  encode: (_, row) => encode(row),
  read: ({ value }) => ({ row: decode(value), holds: true }),
})

const forms: { readonly [K in RowKind]: Form<RowContents[K]> } = {
  ...signedForms,
  secretPayload: plain(secretPayloadRow),
  secretHome: plain(secretHomeRow),
}

/** The bytes of a row under `key`. */
export function encodeRow<K extends RowKind>(
  kind: K,
  key: string,
  row: RowContents[K],
  macs: RowMacs,
): Buffer {
  return forms[kind].encode(key, row, macs)
}

/** A row with the answer whether its MAC holds. Throws StoreCorrupt. */
export function readRow<K extends RowKind>(
  kind: K,
  row: Pick<Row, 'key' | 'value'>,
  macs: RowMacs,
): ReadRow<RowContents[K]> {
  return forms[kind].read(row, macs)
}

/** The content of a row; where its MAC does not hold, only what may be believed without. Throws StoreCorrupt. */
export function decodeRow<K extends RowKind>(
  kind: K,
  row: Pick<Row, 'key' | 'value'>,
  macs: RowMacs,
): RowContents[K] {
  return readRow(kind, row, macs).row
}

/** As `decodeRow`; undefined without a row. */
export function decodeFound<K extends RowKind>(
  kind: K,
  row: Row | undefined,
  macs: RowMacs,
): RowContents[K] | undefined {
  return row === undefined ? undefined : decodeRow(kind, row, macs)
}
