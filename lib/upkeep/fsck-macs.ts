// Rows with a MAC that does not hold: somebody edited them without a root key, or its key is not in the keyring.
// No other row proves what was right, so that nothing is repaired; a credential is good for nobody then, and is removed.
import type { Row } from '../catalog/catalog.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import type { SignedCodec } from '../catalog/codec.ts'
import { identityPrefixes } from '../catalog/identity-keys.ts'
import { endOf } from '../catalog/keys.ts'
import { accountRow, bucketRow, containerRow, uploadRow, versionRow } from '../catalog/rows.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import { signedForms } from '../identity/row-forms.ts'
import { type Findings, shown, unchanged } from './fsck-report.ts'

/** By how keys begin. */
const codecs: Record<string, SignedCodec<object>> = {
  'account/': accountRow,
  'container/': containerRow,
  'bucket/': bucketRow,
  'version/': versionRow,
  'upload/': uploadRow,
}
for (const [kind, codec] of Object.entries(signedForms)) {
  codecs[identityPrefixes[kind as keyof typeof signedForms]] = codec as SignedCodec<object>
}

const spare = new Set<string>([identityPrefixes.ec2Credential, identityPrefixes.appCredential])

export async function checkMacs(check: {
  readonly rows: RowSource
  readonly macs: RowMacs
  readonly findings: Findings
}): Promise<void> {
  const { rows, macs, findings } = check
  for (const [prefix, codec] of Object.entries(codecs)) {
    for await (const row of rows.scan(prefix, endOf(prefix))) {
      const problem = judge(row, codec, macs)
      if (problem === undefined) continue
      const { rule, why, isLost } = problem
      // A credential that was edited is good for nobody, and no verb finds it.
      const isSpare = isLost && spare.has(prefix)
      const expect = [unchanged(row.key, row)]
      const repair = isSpare ? { what: 'remove the row', expect, del: [row.key] } : undefined
      findings.add(rule, `${shown(row.key)}: ${why}`, repair)
    }
  }
}

/** What is wrong with the row, if anything. `isLost`: the keyring has the key, so that the MAC will never hold. */
function judge(row: Row, codec: SignedCodec<object>, macs: RowMacs) {
  try {
    if (codec.read(row, macs).holds) return undefined
    const id = codec.rootKeyIdOf(row.value)
    const why = macs.has(id)
      ? 'its MAC does not hold: somebody may have edited it'
      : `its MAC is under the root key ${JSON.stringify(id)}, which the keyring lacks`
    return { rule: 'mac', why, isLost: macs.has(id) }
  } catch {
    return { rule: 'row', why: 'its content cannot be read', isLost: false }
  }
}
