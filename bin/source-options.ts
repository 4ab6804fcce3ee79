// The options by which a command finds its node.
import type { Command } from 'commander'

/** Gives a command the options that say which node it is about. */
export function withSource(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'the configuration (default: $COFFER_CONFIG, or etc/coffer.yaml of this program)',
    )
    .option('--data <dir>', 'the data directory; keyring and devices follow where they are not set')
}
