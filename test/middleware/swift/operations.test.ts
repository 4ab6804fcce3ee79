// The table of operations: every name has its row, and customer keys their rule.
import t from 'tap'
import type { Node } from '../../../middleware/node.ts'
import type { SwiftState } from '../../../middleware/swift/context.ts'
import { swift } from '../../../middleware/swift/index.ts'
import { operationNames } from '../../../middleware/swift/names.ts'
import { operations } from '../../../middleware/swift/operations.ts'

t.test('every operation has a row, and no row is without an operation', async (t) => {
  t.same(Object.keys(operations).sort(), [...operationNames].sort())
})

const config = { swift: { resellers: [{ prefix: 'AUTH' }] } }
const speaker = swift({ config } as unknown as Node)

t.test('keys are read where an object’s bytes or its key are touched', async (t) => {
  const rules: Record<string, string> = {
    HeadObject: 'read',
    GetObject: 'read',
    PutObject: 'write',
    PutManifest: 'write',
    PostObject: 'read',
    CopyObject: 'copy',
  }
  for (const operation of operationNames) {
    const state = { swift: { operation } } as unknown as SwiftState
    t.equal(speaker.keyRule(state), rules[operation] ?? 'none', operation)
  }
})

t.test('what is not built is refused, and says so', async (t) => {
  const refused = operationNames.filter((name) => operations[name].built === 'refused')
  t.same(refused, ['Crossdomain', 'PutAccount', 'DeleteAccount', 'ExtractArchive', 'FormPost'])
})
