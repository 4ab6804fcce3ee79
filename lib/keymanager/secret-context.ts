// What the envelope of a secret's payload is bound to.
export const payloadContext = (project: string, id: string) =>
  ({ kind: 'secret', project, id }) as const
