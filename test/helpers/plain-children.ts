// Imported for its effect by files that start processes. tap adds its loaders to every child of a test through
// NODE_OPTIONS. They take a third of the time in which a command starts, and neither the compiler nor programs
// of other users work with them.
import processOnSpawn from 'process-on-spawn'

// tap's own listener, which adds the loaders, was added before.
processOnSpawn.addListener((spawned) => {
  const { NODE_OPTIONS: _, ...env } = spawned.env
  spawned.env = env
})
