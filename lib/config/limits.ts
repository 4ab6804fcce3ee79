// The part of the configuration's schema that bounds what clients may use of the node, and for how long.
import { bytes } from './bytes.ts'

const count = (maximum: number) => ({ type: 'integer', minimum: 1, maximum }) as const
const milliseconds = (minimum: number) =>
  ({ type: 'integer', minimum, maximum: 86_400_000 }) as const

export const limits = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'What clients may take of the node',
  properties: {
    connections: {
      ...count(1_000_000),
      default: 10_000,
      description: 'Open connections of each listener; those beyond are closed at once',
    },
    connectionsPerAddress: {
      ...count(1_000_000),
      default: 1000,
      description:
        'Open connections of an address, of an IPv6 /64, on all listeners; loopback and trustedProxies may have any number',
    },
    headerBytes: {
      ...bytes(8192, 1_048_576),
      default: '32 KiB',
      description: 'Request line and headers together; S3 allows 8 KB, Swift some headers of 8 KB',
    },
    headersTimeoutMs: {
      ...milliseconds(100),
      default: 60_000,
      description: 'Time for a TLS handshake, and for the headers of a request',
    },
    keepAliveTimeoutMs: {
      ...milliseconds(0),
      default: 75_000,
      description:
        'Time that a connection waits for its next request; longer than that of a load balancer',
    },
    socketTimeoutMs: {
      ...milliseconds(100),
      default: 300_000,
      description: 'A connection on which nothing moves for so long is closed',
    },
    bodyTimeoutMs: {
      ...milliseconds(100),
      default: 60_000,
      description: 'An upload that sends nothing for so long while it is waited for is given up',
    },
    bodyTotalMs: {
      ...milliseconds(1000),
      default: 86_400_000,
      description:
        'Longest time that an upload is waited for altogether; one too slow to be over by then is given up after bodyTimeoutMs of it',
    },
    bodyBytesPerSecond: {
      ...bytes(0, 1_073_741_824),
      default: 100,
      description:
        'An upload slower than this, after bodyTimeoutMs of waiting for it, is given up; 0 allows any',
    },
    answerTimeoutMs: {
      ...milliseconds(100),
      default: 60_000,
      description: 'Longest pause of a client that takes an answer; it is cut off then',
    },
    answerBytesPerSecond: {
      ...bytes(0, 1_073_741_824),
      default: 1000,
      description:
        'A client that takes an answer more slowly over answerTimeoutMs is cut off; 0 allows any, and any pause',
    },
    answerBytes: {
      ...bytes(1_048_576, 2 ** 40),
      default: '256 MiB',
      description:
        'Memory for what is on its way to clients, read ahead of them included; answers that find none wait',
    },
    answerWaitMs: {
      ...milliseconds(0),
      default: 5000,
      description: 'Time that an answer waits for memory before it is 503 SlowDown',
    },
    uploadsPerUser: {
      ...count(1_000_000),
      default: 1000,
      description:
        'Requests with a body, and copies, that a user (or an address, if anonymous) may have under way',
    },
    begunUploadsPerUser: {
      ...count(1_000_000),
      default: 10_000,
      description:
        'Multipart uploads that a user may have begun in an account and neither completed nor aborted',
    },
    begunUploadSeconds: {
      type: 'integer',
      minimum: 0,
      maximum: 315_360_000,
      default: 604_800,
      description:
        'Age, from its beginning, at which a multipart upload that is not completed is aborted; 0: never, as on AWS',
    },
    loginFailures: {
      ...count(1_000_000),
      default: 10,
      description: 'Denied logins in a row, of one user from one address, before they must wait',
    },
    loginFailuresPerAddress: {
      ...count(1_000_000),
      default: 100,
      description: 'The same for an address, whatever users it names',
    },
    loginBackoffMs: {
      ...milliseconds(1),
      default: 1000,
      description: 'The first wait; each further denial doubles it',
    },
    loginBackoffMaxMs: {
      ...milliseconds(1),
      default: 300_000,
      description: 'The longest wait; denials are forgotten when none came for twice as long',
    },
    drainTimeoutMs: {
      type: 'integer',
      minimum: 0,
      maximum: 3_600_000,
      default: 30_000,
      description:
        'Time for requests under way when the node is stopped; below TimeoutStopSec of the unit',
    },
  },
} as const
