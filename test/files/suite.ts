// Runs test files as they are, with every volume that they make as one append-only file
// (../helpers/format-choice.ts).

/** Imports the test files of these paths; `test/` stands before them. */
export async function onFiles(paths: readonly string[]): Promise<void> {
  process.env.COFFER_TEST_VOLUMES = 'file'
  for (const path of paths) await import(new URL(`../${path}.test.ts`, import.meta.url).href)
}
