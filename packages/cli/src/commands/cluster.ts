import { Command } from 'commander'
import { wholeNumberOption } from '../shared/global-options.ts'
import { action } from '../shared/session.ts'

const work = () => import('../cluster.ts')

export function clusterCommand(): Command {
  const cluster = new Command('cluster')
    .description('Look at the brokers and what they offer, and spread partitions over them')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace cluster describe
  $ millrace cluster api-versions
  $ millrace cluster log-dirs --topic orders
  $ millrace cluster spread --execute`,
    )
  for (const command of [describe(), apiVersions(), logDirs(), spread()]) cluster.addCommand(command)
  return cluster
}

const describe = (): Command =>
  new Command('describe')
    .alias('brokers')
    .description("Show the cluster's id, its controller and its brokers")
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace cluster describe\n  $ millrace cluster describe -b kafka-1:9092,kafka-2:9092',
    )
    .action(action(async () => (await work()).describeCluster))

const apiVersions = (): Command =>
  new Command('api-versions')
    .description('Show the requests that a broker answers, and in which versions')
    .option('--broker <id>', 'of this broker (default: any)', wholeNumberOption(0, 0x7fff_ffff))
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace cluster api-versions\n  $ millrace cluster api-versions --broker 1 --output json',
    )
    .action(action<[{ broker?: number }]>(async () => (await work()).apiVersions))

const logDirs = (): Command =>
  new Command('log-dirs')
    .description('Show where partitions lie and how large they are')
    .option('-t, --topic <name>', 'of this topic only')
    .addHelpText('after', '\nExamples:\n  $ millrace cluster log-dirs\n  $ millrace cluster log-dirs --topic orders')
    .action(action<[{ topic?: string }]>(async () => (await work()).logDirs))

const spread = (): Command =>
  new Command('spread')
    .description('Move partitions so that every broker leads its share, such as one that is new')
    .option('--execute', 'do it; without it, only show what would move', false)
    .addHelpText('after', '\nExamples:\n  $ millrace cluster spread\n  $ millrace cluster spread --execute')
    .action(action<[{ execute: boolean }]>(async () => (await import('../cluster-spread.ts')).spreadPartitions))
