import { Command, CommanderError, Option } from 'commander'
import type { AnalyzeOptions } from './commands/analyze.ts'
import type { ClusterCommandOptions } from './commands/cluster.ts'
import type { CompareOptions } from './commands/compare.ts'
import type { ConvertOptions } from './commands/convert.ts'
import type { DoctorOptions } from './commands/doctor.ts'
import type { PlanOptions } from './commands/plan.ts'
import type { RunOptions } from './commands/run.ts'
import type { ServeOptions } from './commands/serve.ts'
import type { SweepOptions } from './commands/sweep.ts'
import { type Condition, parseCondition } from '../../compare/conditions.ts'
import { METRICS } from '../../compare/metrics.ts'
import type { CliContext } from './context.ts'
import { isSystemError, reasonOf } from './errors.ts'
import { EXIT, exitCodeOfError, type ExitCode } from './exitCodes.ts'
import { blockSizes, cacheSize, jsonOption, rulesOption, seconds, setOption, sweepAxis, wholeNumber } from './options.ts'

const EXIT_CODE_HELP = 'Exit codes: 0 done, 2 bad usage or input, 3 the run failed, 4 verification failed, 5 a comparison failed its limits, 130 cancelled.'

const CSV_HELP = `
CSV is RFC 4180, UTF-8, with a line of column names; a field that does not apply is empty.
  csv        times in ns on the common clock; waitNs and transferNs divide communication kernels (waitEstimated: a peer's
             trace is missing); args is the JSON object of the trace
  csv-steps  times in µs, means over the passes of the first ring that was recognised (backward steps after
             forward ones), or over a run's measured iterations`

const COMPARE_HELP = `
A condition is <metric><op><value><unit> with op one of > >= < <=, and is of the change against the base:
  makespan>5%             the median is more than 5 % longer
  waitPeer>0.5ms          more than 0.5 ms more, in the metric's unit (ms, us, s, KiB, GFLOP/s, points)
  overlapRatio<-5points   a share fell by more than 5 percentage points
Metrics: ${METRICS.map(({ id }) => id).join(', ')}, and category.<name> and kind.<name> as the report names them.
Values are medians over the windows (measured iterations, profiler steps, ring passes, else the whole trace). The median
decides; whether the change is within the noise of the windows is said beside it. A metric that either does not have is an
error of usage (code 2).`

const MOST_REPEATS = 1000
const LARGEST_WORLD = 1024
const LARGEST_PORT = 65_535

/** The grammar. What a command does is loaded when it is asked for, so that help and errors of usage come at once. */
function createProgram(context: CliContext): Command {
  const program = new Command('ringscope')
    .description('Profile ring attention: run real rings of processes, sweep block sizes, read traces.')
    .version(context.installation.version)
    .exitOverride()
    .configureOutput({ writeErr: (text) => { context.terminal.note(text.trimEnd()) } })
    .showHelpAfterError('(see "ringscope --help", or "ringscope <command> --help")')
    .addHelpText('after', `\n${EXIT_CODE_HELP}`)

  program.command('run <config>')
    .description('run a ring of processes as the config says and report its overlap and idle time')
    .addOption(setOption())
    .option('--out <file>', 'save the trace (.json or .json.gz, opens in Ringscope and Perfetto)')
    .option('--stall-timeout <seconds>', 'give up when a rank makes no progress for this long', seconds)
    .addOption(jsonOption())
    .action(async (config: string, options: RunOptions) => (await import('./commands/run.ts')).run(config, options, context))

  program.command('sweep <config>')
    .description('measure block sizes on one rank and find the fastest, or (--ring) whole rings of different shard lengths')
    .option('--block-q <sizes>', 'query block sizes, such as 64,128,256', blockSizes)
    .option('--block-k <sizes>', 'key block sizes, such as 64,128,256', blockSizes)
    .addOption(new Option('--axis <path=values>', 'vary a numeric field of the config as well, such as headDim=64,128; may be repeated')
      .argParser(sweepAxis).default([], 'none; with --ring, lengths around the config\'s seqLen'))
    .option('--ring', 'run the whole ring in every cell', false)
    .option('--repeats <count>', 'times that each cell is measured; cells that scatter are measured more often', wholeNumber(1, MOST_REPEATS), 5)
    .option('--fresh', 'measure again what earlier sweeps of this machine know', false)
    .option('--l2 <size>', 'size of the second-level cache, such as 2M, where the system is wrong or silent', cacheSize)
    .addOption(setOption())
    .option('--out <file>', 'save the report (.json)')
    .addOption(jsonOption())
    .action(async (config: string, options: SweepOptions) => (await import('./commands/sweep.ts')).sweep(config, options, context))

  program.command('analyze <traces...>')
    .description('read traces (files, folders, globs; the ranks of one job together) and report what each rank computed, moved and waited for')
    .addOption(rulesOption())
    .addOption(jsonOption())
    .action(async (paths: readonly string[], options: AnalyzeOptions) => (await import('./commands/analyze.ts')).analyze(paths, options, context))

  program.command('convert <traces...>')
    .description('write the traces of one job as one file: ranks on one clock, ids unique')
    .addOption(new Option('--to <format>', 'chrome: Trace Event JSON for Perfetto and Ringscope; csv: a line per span; csv-steps: a line per rank and ring step')
      .choices(['chrome', 'csv', 'csv-steps']).makeOptionMandatory())
    .requiredOption('--out <file>', 'where to; compressed where the name ends in .gz')
    .addOption(rulesOption())
    .addHelpText('after', CSV_HELP)
    .action(async (paths: readonly string[], options: ConvertOptions) => (await import('./commands/convert.ts')).convert(paths, options, context))

  program.command('compare <traces...>')
    .description('compare two or more runs, simulations or traces: each argument (file, folder, glob) is one, the first is the base')
    .addOption(new Option('--fail-on <condition>', 'end with code 5 when a change against the base is so, e.g. makespan>5%; may be repeated')
      .argParser((text: string, previous: readonly Condition[] = []) => [...previous, parseCondition(text)]).default([], 'none'))
    .addOption(rulesOption())
    .addOption(jsonOption())
    .addHelpText('after', COMPARE_HELP)
    .action(async (paths: readonly string[], options: CompareOptions) => (await import('./commands/compare.ts')).compare(paths, options, context))

  program.command('plan [config]')
    .description('show what a config would do, in theory and simulated, and what on a cluster; runs nothing')
    .addOption(setOption())
    .option('--accelerator <id>', 'answer the planner\'s questions for a cluster of these')
    .option('--link <link>', 'between its ranks: an id, or "GB/s,µs" such as 25,12')
    .option('--nodes-of <ranks>', 'consecutive ranks that share a node', wholeNumber(1, LARGEST_WORLD))
    .option('--inter-link <link>', 'between nodes')
    .option('--model <id>', 'memory and longest context of this model')
    .option('--published', 'print published figures beside ours; needs no config', false)
    .option('--tables', 'list accelerators, links and models; needs no config', false)
    .addOption(jsonOption())
    .action(async (config: string | undefined, options: PlanOptions) => (await import('./commands/plan.ts')).plan(config, options, context))

  program.command('cluster <config>')
    .description('write a folder that runs a config on a GPU cluster with PyTorch, and whose results open here')
    .addOption(setOption())
    .option('--out <folder>', 'where to; a folder called like the config by default')
    .option('--nodes <count>', 'nodes, each with as many GPUs; a GPU is a rank', wholeNumber(1, LARGEST_WORLD))
    .option('--gpus-per-node <count>', 'GPUs of a node (default: as many as divide the ranks, up to 8)', wholeNumber(1, LARGEST_WORLD))
    .addOption(new Option('--dtype <precision>', 'that blocks are computed in (default: the config\'s wireDtype)').choices(['bfloat16', 'float32']))
    .option('--accelerator <id>', 'put a simulation into the folder: on these ("ringscope plan --tables" lists them)')
    .option('--link <link>', 'between the ranks of a node: an id, or "GB/s,µs" such as 25,12')
    .option('--inter-link <link>', 'between nodes')
    .option('--force', 'replace a folder that was written before, with the results in it', false)
    .addOption(jsonOption())
    .action(async (config: string, options: ClusterCommandOptions) => (await import('./commands/cluster.ts')).cluster(config, options, context))

  program.command('serve [traces...]')
    .description('serve the app to a browser on this machine, with these traces (files, folders, globs) open; prints its address and stays until it is stopped')
    .option('--port <number>', 'port on 127.0.0.1; 0 takes a free one', wholeNumber(0, LARGEST_PORT), 0)
    .option('--open', 'open the address in the system\'s browser', false)
    .addOption(jsonOption())
    .action(async (traces: readonly string[], options: ServeOptions) => (await import('./commands/serve.ts')).serve(traces, options, context))

  program.command('doctor')
    .description('say which backends, devices, transports and hosts work on this machine, and why others do not')
    .option('--rates', 'measure instead what this machine reaches: its roofline, hops between ranks, and what runs of a config cost', false)
    .option('--config <config>', 'with --rates: a config whose blocks and ring are measured too')
    .option('--fresh', 'with --rates: measure again what is known already', false)
    .addOption(jsonOption())
    .action(async (options: DoctorOptions) => (await import('./commands/doctor.ts')).doctor(options, context))

  return program
}

function report(context: CliContext, error: unknown): void {
  const code = exitCodeOfError(error)
  if (code !== EXIT.internal) {
    context.terminal.note(isSystemError(error)
      ? `the system refused what this needs: ${error.message}; check that the folder exists, its permissions and its free space`
      : reasonOf(error))
    return
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  context.terminal.note(
    `${text}\n\nThis is a fault in Ringscope ${context.installation.version}, not in your input. ` +
    'Please report it to its developers with the command and the text above.')
}

/**
 * Runs one command line. Never rejects: every error is reported on stderr.
 * @param args without the program's name.
 */
export async function runCommandLine(args: readonly string[], context: CliContext): Promise<ExitCode> {
  try {
    await createProgram(context).parseAsync(args, { from: 'user' })
    return context.exitCode
  } catch (error) {
    // Commander has already written its message; help and version end in its code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput
    report(context, error)
    return exitCodeOfError(error)
  }
}
