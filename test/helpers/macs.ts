// MACs of somebody who has the rows of a node and none of its keys: no row that is signed with them holds there.
import { rowMacs } from '../../lib/crypto/row-mac.ts'

const foreignKey = Buffer.alloc(32, 'x')

export const foreignMacs = rowMacs({ active: 'k1', key: () => foreignKey }, 'f'.repeat(32))
