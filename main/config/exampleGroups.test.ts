import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findInstallation } from '../installation.ts'
import { ConfigStore } from './configStore.ts'
import { EXAMPLE_GROUPS } from './exampleGroups.ts'

const folder = join(findInstallation().fixturesDir, 'configs')

test('every config that ships is in exactly one group, and every one named ships', () => {
  const named = EXAMPLE_GROUPS.flatMap(({ names }) => names)
  const shipped = readdirSync(folder).map((name) => name.replace(/\.json$/, ''))
  expect(new Set(named).size).toBe(named.length)
  expect([...named].sort()).toEqual(shipped.sort())
})

test('shipped configs are accepted, listed group by group, and no two are called the same', async () => {
  const entries = await new ConfigStore(folder, join(folder, 'none')).list()
  expect(entries.map(({ id }) => id)).toEqual(EXAMPLE_GROUPS.flatMap(({ names }) => names.map((name) => `fixture:${name}`)))
  expect([...new Set(entries.map(({ group }) => group))]).toEqual(EXAMPLE_GROUPS.map(({ title }) => title))
  expect(entries.flatMap(({ fileName, problems }) => problems.map((problem) => [fileName, problem]))).toEqual([])
  expect(new Set(entries.map(({ config }) => config?.name)).size).toBe(entries.length)
})

test('a shipped config says in its name how many ranks it takes', async () => {
  for (const { config, fileName } of await new ConfigStore(folder, join(folder, 'none')).list()) {
    expect(config?.name, fileName).toMatch(new RegExp(`^${config?.world ?? 0} ranks`))
    expect(fileName).toMatch(new RegExp(`^${config?.world ?? 0}-ranks-`))
  }
})
