// The one place through which rows of the identity service and of the key manager are encoded and decoded. Each function
// gets the key of the row as well, so that what proves a row can cover it.
import type { Row } from '../catalog/catalog.ts'
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

/** The content of each kind of row. */
export interface RowContents {
  project: ProjectRow
  user: UserRow
  ec2Credential: Ec2CredentialRow
  appCredential: AppCredentialRow
  secret: SecretRow
  secretPayload: SecretPayloadRow
  secretOrder: SecretOrderRow
  secretContainer: SecretContainerRow
  secretHome: SecretHomeRow
}

export type RowKind = keyof RowContents

const codecs: {
  [K in RowKind]: { encode(row: RowContents[K]): Buffer; decode(bytes: Buffer): RowContents[K] }
} = {
  project: projectRow,
  user: userRow,
  ec2Credential: ec2CredentialRow,
  appCredential: appCredentialRow,
  secret: secretRow,
  secretPayload: secretPayloadRow,
  secretOrder: secretOrderRow,
  secretContainer: secretContainerRow,
  secretHome: secretHomeRow,
}

/** The bytes of a row under `key`. */
export function encodeRow<K extends RowKind>(kind: K, _key: string, row: RowContents[K]): Buffer {
  return codecs[kind].encode(row)
}

/** The content of a row as it was read. Throws StoreCorrupt. */
export function decodeRow<K extends RowKind>(
  kind: K,
  { value }: Pick<Row, 'key' | 'value'>,
): RowContents[K] {
  return codecs[kind].decode(value)
}

/** As `decodeRow`; undefined without a row. */
export function decodeFound<K extends RowKind>(
  kind: K,
  row: Row | undefined,
): RowContents[K] | undefined {
  return row === undefined ? undefined : decodeRow(kind, row)
}
