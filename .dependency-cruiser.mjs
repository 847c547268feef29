/** Tests and their helpers, which may look across. */
const TESTS = '\\.test\\.ts$|/testing(/|\\.ts$)|/test[A-Z][A-Za-z]*\\.ts$'

/**
 * The import directions: renderer -> preload/contract <- main -> kernels.
 * scripts/importDirections.test.mjs shows that each rule fires.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */
export default {
  forbidden: [
    {
      name: 'kernels-stand-alone', severity: 'error',
      comment: 'What runs inside a rank knows nothing of the application around it.',
      from: { path: '^kernels/' },
      to: { path: '^(main|preload|renderer|bench|tests)/' },
    },
    {
      name: 'renderer-only-knows-the-contract', severity: 'error',
      comment: 'The page talks to the other side through preload/contract, whatever the host.',
      from: { path: '^renderer/' },
      to: { path: '^(main|kernels|bench|tests|scripts)/|^preload/(?!contract/)' },
    },
    {
      name: 'no-node-in-the-renderer', severity: 'error',
      comment: 'The page is sandboxed and also runs in a plain browser.',
      from: { path: '^renderer/', pathNot: '\\.test\\.ts$|^renderer/vite' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'schemas-stay-out-of-the-page', severity: 'error',
      comment: 'Schemas belong to the side that checks; the page imports them as types, or zod would be in its bundle.',
      from: { path: '^renderer/', pathNot: '\\.test\\.ts$' },
      to: { path: '^preload/contract/(routes|planner|simulation)\\.ts$|^node_modules/zod/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'contract-is-types-and-schemas', severity: 'error',
      comment: 'Both sides import the contract, so it may import neither.',
      from: { path: '^preload/contract/' },
      to: { path: '^(main|renderer)/|^preload/(?!contract/)' },
    },
    {
      name: 'preload-is-thin', severity: 'error',
      comment: 'The preload carries the contract across and holds nothing else.',
      from: { path: '^preload/', pathNot: '^preload/contract/' },
      to: { path: '^(main|renderer|kernels)/' },
    },
    {
      name: 'main-does-not-import-the-page', severity: 'error',
      from: { path: '^main/' },
      to: { path: '^renderer/|^preload/(?!contract/)' },
    },
    {
      name: 'electron-only-in-its-host', severity: 'error',
      comment: 'Everything else runs and is tested in plain Node, where loading electron would start a download.',
      from: { pathNot: '^main/hosts/electron/|^preload/index\\.ts$|^tests/electron-double/' },
      to: { path: '^electron$|^node_modules/electron/' },
    },
    {
      name: 'nothing-below-imports-a-host', severity: 'error',
      comment: 'Hosts are thin and on top: the application does not know which one it runs in.',
      from: { path: '^main/', pathNot: '^main/hosts/' },
      to: { path: '^main/hosts/' },
    },
    {
      name: 'timelines-stand-alone', severity: 'error',
      comment: 'Whatever a timeline came from and is used for, it knows neither.',
      from: { path: '^main/timeline/', pathNot: TESTS },
      to: { path: '^main/(?!timeline/)' },
    },
    {
      name: 'analysis-knows-timelines-only', severity: 'error',
      comment: 'Figures are functions of timelines: of what was opened, run or simulated, not of how.',
      from: { path: '^main/(classify|comm|analysis)/', pathNot: TESTS },
      to: { path: '^main/(traces|executor|sweep|machine|app|hosts)/' },
    },
    {
      name: 'traces-know-no-application', severity: 'error',
      from: { path: '^main/traces/', pathNot: TESTS },
      to: { path: '^main/(executor|sweep|machine|app|hosts)/' },
    },
    {
      name: 'comparing-knows-timelines-only', severity: 'error',
      comment: 'Timelines are compared by what is in them, wherever they came from.',
      from: { path: '^main/compare/', pathNot: TESTS },
      to: { path: '^main/(traces|executor|simulator|planner|rates|sweep|machine|cluster|app|hosts)/' },
    },
    {
      name: 'simulating-knows-plans-only', severity: 'error',
      comment: 'A simulation is a function of a plan and a cluster: of who asks for it, and why, it knows nothing.',
      from: { path: '^main/simulator/', pathNot: TESTS },
      to: { path: '^main/(traces|planner|rates|sweep|machine|compare|cluster|app|hosts)/' },
    },
    {
      name: 'engines-know-no-application', severity: 'error',
      from: { path: '^main/(executor|planner|rates|sweep|cluster)/', pathNot: TESTS },
      to: { path: '^main/(app|hosts)/' },
    },
    {
      name: 'no-cycles', severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans', severity: 'error',
      comment: 'A module that nothing reaches is dead code.',
      from: {
        orphan: true,
        pathNot: '\\.test\\.ts$|\\.d\\.ts$|^main/hosts/[^/]+/index\\.ts$|^kernels/(rank/entry|transport/commEntry|sweep/entry|rates/entry)\\.ts$|^kernels/assembly/|^main/traces/assembly/|^bench/|^tests/|^renderer/main\\.ts$',
      },
      to: {},
    },
    {
      name: 'resolvable', severity: 'error',
      from: { pathNot: '^kernels/assembly/|^main/traces/assembly/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'tests-are-not-imported', severity: 'error',
      from: {},
      to: { path: '\\.test\\.ts$' },
    },
    {
      name: 'no-dev-dependencies-in-what-ships', severity: 'error',
      comment: 'Main and the ranks load their packages at run time; the renderer and the preload are bundled whole.',
      // Helpers of tests are named testing.ts, testing/ or testSomething.ts.
      from: { path: '^(main|kernels)/', pathNot: '\\.test\\.ts$|/testing(/|\\.ts$)|/test[A-Z][A-Za-z]*\\.ts$|^kernels/assembly/|^main/traces/assembly/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'], pathNot: '^electron$|^node_modules/electron/' },
    },
  ],
  options: {
    doNotFollow: { path: '^node_modules/' },
    exclude: { path: '^(out|dist|docs)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    combinedDependencies: false,
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.vue', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'require', 'default', 'types'] },
  },
}
