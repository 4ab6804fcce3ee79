// Imported for its effect by whoever starts processes: tap brings its loaders into every child of a test
// through NODE_OPTIONS. They are a third of what a command takes to start, and the compiler and programs
// of other users cannot bear them at all.
import processOnSpawn from 'process-on-spawn'

// tap's own listener, which adds them, came before.
processOnSpawn.addListener((spawned) => {
  const { NODE_OPTIONS: _, ...env } = spawned.env
  spawned.env = env
})
