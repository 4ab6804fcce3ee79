// The rules about a configuration that a schema cannot express, and the keys that are accepted but not built
// yet.
import ipaddr from 'ipaddr.js'
import type { Problem } from '../document.ts'
import { PORT_MAX } from './entries.ts'
import { redisContradictions } from './redis.ts'
import type { Config } from './shape.ts'

/** Contradictions within a configuration that fits the schema. */
export function contradictions(config: Config): Problem[] {
  const rules = [ofCatalog, ofListeners, ofProxies, ofPolicies, ofLimits]
  return rules.flatMap((rule) => [...rule(config)])
}

function* ofCatalog({ catalog }: Config): Generator<Problem> {
  if (catalog === 'level') return
  for (const { key, message } of redisContradictions(catalog.redis)) {
    yield { path: ['catalog', 'redis', ...(key === null ? [] : [key])], message }
  }
}

function* ofListeners({ listen }: Config): Generator<Problem> {
  const seen = new Set<string>()
  for (const [i, { host, port, serves }] of listen.entries()) {
    if (port > PORT_MAX) {
      yield {
        path: ['listen', i],
        message: `--port leaves no port for it: ${PORT_MAX} is the last`,
      }
    }
    const address = `${host} ${port}`
    if (port !== 0 && seen.has(address)) {
      yield { path: ['listen', i], message: 'listens where another entry does' }
    }
    seen.add(address)
    const services = serves.filter((service) => service !== 'ops')
    if (services.length > 1) {
      const message =
        'identity and keymanager cannot share an entry with others: their paths collide'
      yield { path: ['listen', i, 'serves'], message }
    }
  }
}

function* ofProxies({ trustedProxies }: Config): Generator<Problem> {
  for (const [i, cidr] of trustedProxies.entries()) {
    if (!ipaddr.isValidCIDR(cidr)) {
      yield {
        path: ['trustedProxies', i],
        message: 'must be a CIDR, such as 10.0.0.0/8 or ::1/128',
      }
    }
  }
}

function* ofPolicies({ swift }: Config): Generator<Problem> {
  const names = new Set<string>()
  for (const [i, { name, aliases }] of swift.policies.entries()) {
    for (const [j, word] of [name, ...aliases].entries()) {
      const where = j === 0 ? ['name'] : ['aliases', j - 1]
      const path = ['swift', 'policies', i, ...where]
      if (names.has(word.toLowerCase())) yield { path, message: 'names another policy already' }
      names.add(word.toLowerCase())
    }
  }
  const path = ['swift', 'policies']
  const defaults = swift.policies.filter((policy) => policy.default)
  if (defaults.length !== 1) yield { path, message: 'exactly one policy must be the default' }
  if (defaults.some((policy) => policy.deprecated)) {
    yield { path, message: 'a deprecated policy cannot be the default' }
  }
  const prefixes = swift.resellers.map((reseller) => reseller.prefix)
  for (const [i, prefix] of prefixes.entries()) {
    if (prefixes.indexOf(prefix) < i) {
      yield { path: ['swift', 'resellers', i, 'prefix'], message: 'is listed twice' }
    }
  }
}

function* ofLimits({ limits }: Config): Generator<Problem> {
  if (limits.loginBackoffMaxMs < limits.loginBackoffMs) {
    yield { path: ['limits', 'loginBackoffMaxMs'], message: 'is below loginBackoffMs' }
  }
  if (limits.bodyTotalMs < limits.bodyTimeoutMs) {
    yield { path: ['limits', 'bodyTotalMs'], message: 'is below bodyTimeoutMs' }
  }
  if (limits.socketTimeoutMs < limits.bodyTimeoutMs) {
    yield { path: ['limits', 'socketTimeoutMs'], message: 'is below bodyTimeoutMs' }
  }
}

const isThisMachine = (host: string) => /^(?:127\.|::1$|localhost$)/.test(host)

/** One sentence for each listener on which other machines may send passwords and tokens unencrypted. Logged at
 * start. */
export function exposed({ listen }: Config): string[] {
  return listen.flatMap(({ host, port, serves, tls }, i) => {
    const isService = serves.some((service) => service !== 'ops')
    const isOpen = isService && tls === undefined && !isThisMachine(host)
    const what = `listen.${i} (${host}, port ${port}): passwords, tokens and objects arrive unencrypted`
    return isOpen ? [`${what}: give it tls, or the address of a proxy's side alone`] : []
  })
}

/**
 * One sentence for each key whose value this version does not implement yet, logged at start. Such keys are
 * accepted, because configurations are written against the whole list.
 */
export function unbuilt(config: Config, defaults: Config): string[] {
  const warnings: string[] = []
  const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b)
  if (config.threads !== 1) warnings.push('threads: not built yet, 1 is used')
  if (differs(config.lifecycle, defaults.lifecycle)) warnings.push('lifecycle: not built yet')
  for (const key of ['remapDomains', 'policies'] as const) {
    if (differs(config.swift[key], defaults.swift[key]))
      warnings.push(`swift.${key}: not built yet`)
  }
  for (const [i, { serviceRole }] of config.swift.resellers.entries()) {
    if (i > 0) warnings.push(`swift.resellers.${i}: not built yet, the first prefix is used`)
    if (serviceRole !== undefined) {
      warnings.push(`swift.resellers.${i}.serviceRole: not built yet, X-Service-Token does nothing`)
    }
  }
  return warnings
}
