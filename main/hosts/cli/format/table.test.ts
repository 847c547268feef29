import { expect, test } from 'vitest'
import { formatSections, formatTable } from './table.ts'

test('numbers line up on the right, text on the left, no spaces at line ends', () => {
  expect(formatTable([{ header: 'name', align: 'left' }, { header: 'time' }, { header: 'note', align: 'left' }],
    [['a', '1.00 µs', ''], ['longer', '123 ms', 'x']])).toBe(
    'name       time  note\n' +
    'a       1.00 µs\n' +
    'longer   123 ms  x')
})

test('a table without rows is its header', () => {
  expect(formatTable([{ header: 'rank' }], [])).toBe('rank')
})

test('sections are parted by an empty line, and the text ends in one newline', () => {
  expect(formatSections(['a', null, '', 'b'])).toBe('a\n\nb\n')
})
