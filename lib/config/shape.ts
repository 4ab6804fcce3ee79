// The configuration as a type, made from the schema: as a file has it, and as the rest of the program sees it.
import type { FromSchema } from 'json-schema-to-ts'
import type { configSchema } from './schema.ts'

/** The type of the configuration after `convertBytes`: bytes are numbers. */
type Measured<T> = [string | number] extends [T]
  ? number
  : T extends object
    ? { [K in keyof T]: Measured<T[K]> }
    : T

/** Every key at its value, paths and what follows `data` as the file has them. */
export type Written = Measured<FromSchema<typeof configSchema>>

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T

/** Every key with its value, defaults filled in, paths absolute. Deeply frozen. */
export type Config = Frozen<
  Omit<Written, 'keyring' | 'devices'> & { keyring: string; devices: string[] }
>

export type Listener = Config['listen'][number]
