import { describeTable } from './testing/describeTable.ts'
import { groupsOf } from './testing/table.ts'

describeTable('Ulysses groups and hybrids', 'wasm', groupsOf)
