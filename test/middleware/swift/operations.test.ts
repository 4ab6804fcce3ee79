// The table of operations: every name has its row, and customer keys their rule.
import t from 'tap'
import type { State } from '../../../middleware/state.ts'
import { swiftKeyRuleOf } from '../../../middleware/swift/index.ts'
import { operationNames } from '../../../middleware/swift/names.ts'
import { operations } from '../../../middleware/swift/operations.ts'

t.test('every operation has a row, and no row is without an operation', async (t) => {
  t.same(Object.keys(operations).sort(), [...operationNames].sort())
})

t.test('keys are read where an object’s bytes or its key are touched', async (t) => {
  const rules: Record<string, string> = {
    HeadObject: 'read',
    GetObject: 'read',
    PutObject: 'write',
    PostObject: 'read',
    CopyObject: 'copy',
  }
  for (const operation of operationNames) {
    const state = { dialect: 'swift', swift: { operation } } as unknown as State
    t.equal(swiftKeyRuleOf(state), rules[operation] ?? 'none', operation)
  }
  const s3 = { dialect: 's3', s3: { operation: 'PutObject' } } as unknown as State
  t.equal(swiftKeyRuleOf(s3), 'none')
})

t.test('what is not built is refused, and says so', async (t) => {
  const refused = operationNames.filter((name) => operations[name].built === 'refused')
  t.same(refused, [
    'Crossdomain',
    'PutAccount',
    'DeleteAccount',
    'BulkDelete',
    'ExtractArchive',
    'FormPost',
    'PutManifest',
  ])
})
