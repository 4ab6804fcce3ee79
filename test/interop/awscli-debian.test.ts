// Debian's awscli, version 2, over TLS.
import t from 'tap'
import { clients } from '../helpers/clients.ts'
import { testS3Commands } from './awscli.ts'
import { testS3Api } from './awscli-api.ts'

t.setTimeout(900_000)
testS3Commands(clients.awscliDebian)
testS3Api(clients.awscliDebian)
