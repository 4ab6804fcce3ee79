// What the servers serve: the parts of the process that a request may need, and what they count and bound together.
import type { Logger } from 'pino'
import type { Audit } from '../lib/audit.ts'
import type { Tokens } from '../lib/auth/tokens.ts'
import type { Users } from '../lib/auth/users.ts'
import type { Budget } from '../lib/budget.ts'
import type { Config } from '../lib/config/config.ts'
import type { Cipher } from '../lib/crypto/cipher.ts'
import type { Figures } from '../lib/figures.ts'
import type { Registry } from '../lib/identity/registry.ts'
import type { Service } from '../lib/service/types.ts'
import type { Endpoints } from './endpoints.ts'
import type { Limits } from './limits.ts'
import type { Metrics } from './ops/metrics.ts'

/** Everything of the process that a request may use. The composition root makes it. */
export interface NodeParts {
  readonly config: Config
  readonly service: Service
  readonly users: Users
  /** Projects, users and credentials, and what changes them. */
  readonly registry: Registry
  readonly tokens: Tokens
  readonly rootCipher: Cipher
  /** The memory that answers on their way to clients may take. */
  readonly answerMemory: Budget
  readonly log: Logger
  readonly audit: Pick<Audit, 'write'>
  /** Null while requests are served, else the reason why not. */
  readonly impaired: () => string | null
  /** Figures of the stores, for metrics. */
  readonly figures: () => Promise<Figures>
  /** The program's. */
  readonly version: string
}

/** The parts of the process, and what all listeners count and bound together. */
export interface Node extends NodeParts {
  /** Where clients reach the services of this node. */
  readonly endpoints: Endpoints
  readonly metrics: Metrics
  readonly limits: Limits
}
