// Rows with a MAC that does not hold: somebody edited them without a root key, or its key is not in the keyring.
// No other row proves what was right, so that nothing is repaired.
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf } from '../catalog/keys.ts'
import { accountRow, bucketRow, containerRow, uploadRow, versionRow } from '../catalog/rows.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import { type Findings, shown } from './fsck-report.ts'

const codecs = {
  account: accountRow,
  container: containerRow,
  bucket: bucketRow,
  version: versionRow,
  upload: uploadRow,
}

export async function checkMacs(check: {
  readonly rows: RowSource
  readonly macs: RowMacs
  readonly findings: Findings
}): Promise<void> {
  const { rows, macs, findings } = check
  for (const [kind, codec] of Object.entries(codecs)) {
    for await (const row of rows.scan(`${kind}/`, endOf(`${kind}/`))) {
      if (codec.read(row, macs).holds) continue
      const id = codec.rootKeyIdOf(row.value)
      const why = macs.has(id)
        ? 'its MAC does not hold: somebody may have edited it'
        : `its MAC is under the root key ${JSON.stringify(id)}, which the keyring lacks`
      findings.add('mac', `${shown(row.key)}: ${why}`)
    }
  }
}
