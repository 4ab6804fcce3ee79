// PyPI's current awscli, version 1, over TLS: the commands that move files, whose checksums and framing differ
// from Debian's. `aws s3api` is tried with that one.
import t from 'tap'
import { clients } from '../helpers/clients.ts'
import { testS3Commands } from './awscli.ts'

t.setTimeout(900_000)
testS3Commands(clients.awscliPypi)
