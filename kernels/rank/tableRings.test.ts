import { describeTable } from './testing/describeTable.ts'
import { doubleRingsOf, ringsOf } from './testing/table.ts'

describeTable('rings', 'wasm', ringsOf)
describeTable('double rings', 'wasm', doubleRingsOf)
