// Imported for its effect by whoever starts processes: tap names its loaders in NODE_OPTIONS, and every child of a
// test would load them too, which makes a third of what a command takes to start. The compiler
// and a program of another user could not bear them at all.
delete process.env.NODE_OPTIONS
