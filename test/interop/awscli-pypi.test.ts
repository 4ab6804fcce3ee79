// PyPI's current awscli, version 1, over TLS.
import t from 'tap'
import { clients } from '../helpers/clients.ts'
import { testS3Commands } from './awscli.ts'
import { testS3Api } from './awscli-api.ts'

t.setTimeout(900_000)
testS3Commands(clients.awscliPypi)
testS3Api(clients.awscliPypi)
