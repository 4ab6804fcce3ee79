// The options with which a command finds its node.
import type { Command } from 'commander'

/** Adds the options --config and --data to a command. */
export function withSource(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'the configuration (default: $COFFER_CONFIG, or etc/coffer.yaml of this program)',
    )
    .option('--data <dir>', 'the data directory; keyring and devices follow where they are not set')
}
