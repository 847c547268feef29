import type { z } from 'zod'
import { type Problem, quoteValue } from '../../kernels/config/problem.ts'
import type { Result } from '../../preload/contract/envelope.ts'
import { type RouteInput, type RouteName, type RouteOutputs, ROUTES } from '../../preload/contract/routes.ts'
import { bridgeError } from './errors.ts'
import type { Log } from './log.ts'

export interface Caller {
  /** True for the preload and the command line, which hold a path that the user chose; never for a page. */
  readonly trusted: boolean
}

/** One handler a route, each with the route's parsed input. A handler refuses by throwing. */
export type Handlers = {
  readonly [R in RouteName]: (input: RouteInput<R>, caller: Caller) => RouteOutputs[R] | Promise<RouteOutputs[R]>
}

export interface Router {
  /** Answers one request of any carrier. Never rejects. */
  handle(route: string, input: unknown, caller: Caller): Promise<Result<unknown>>
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  )
}

const quote = (value: unknown): string =>
  ArrayBuffer.isView(value) ? `${value.byteLength} bytes` : quoteValue(value)

function problemsOf(issue: z.core.$ZodIssue, input: unknown): Problem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key].join('.'), expected: 'no such key', given: quote(valueAt(input, [...issue.path, key])),
    }))
  }
  return [{ path: path.join('.'), expected: issue.message, given: quote(valueAt(input, issue.path)) }]
}

const isRoute = (route: string): route is RouteName => Object.hasOwn(ROUTES, route)

/** Checks, parses and dispatches; what a handler throws becomes an error envelope. */
export function createRouter(handlers: Handlers, log: Log): Router {
  return {
    async handle(route, input, caller) {
      if (!isRoute(route)) {
        return { ok: false, error: { code: 'unknown-route', message: `no route ${quoteValue(route)}` } }
      }
      const parsed = ROUTES[route].safeParse(input)
      if (!parsed.success) {
        const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, input))
        return { ok: false, error: { code: 'invalid-input', message: `${route}: the request does not have the right shape`, problems } }
      }
      try {
        // Handler and input belong to the same route; TypeScript cannot follow the correlation through the union.
        const handler = handlers[route] as (input: unknown, caller: Caller) => unknown
        return { ok: true, data: await handler(parsed.data, caller) }
      } catch (error) {
        return { ok: false, error: bridgeError(error, route, log) }
      }
    },
  }
}
