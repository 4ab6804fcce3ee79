// Settings of the Redis connection, made from the configuration and the files that it names. It is a part of the
// composition root: only there the configuration and the catalog may meet.
import type { RedisSettings, RedisTls } from './catalog/redis/settings.ts'
import { type RedisConfig, redisDefaults } from './config/redis.ts'
import { readText } from './file-invalid.ts'

/** The content of a file without the newline at its end. Throws FileInvalid. */
const readSecret = (file: string) => readText(file).replace(/\r?\n$/, '')

/** The settings, with defaults and the contents of files. Throws FileInvalid where a file cannot be read. */
export function redisSettings(config: RedisConfig): RedisSettings {
  const { url, sentinels, name, cluster, username, passwordFile, tls } = config
  const password = passwordFile === undefined ? config.password : readSecret(passwordFile)
  return {
    ...(url === undefined ? {} : { url }),
    ...(sentinels === undefined ? {} : { sentinels: { addresses: sentinels, name: name! } }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: readTls(tls) }),
    prefix: config.prefix ?? redisDefaults.prefix,
    durability: config.durability ?? redisDefaults.durability,
    timeoutMs: config.timeoutMs ?? redisDefaults.timeoutMs,
  }
}

function readTls({ ca, cert, key }: RedisTls): RedisTls {
  return {
    ...(ca === undefined ? {} : { ca: readText(ca) }),
    ...(cert === undefined ? {} : { cert: readText(cert) }),
    ...(key === undefined ? {} : { key: readText(key) }),
  }
}
