/** What every catalog refuses, in the same words. */
import { CatalogError } from './catalog.ts'

export function topicTaken(id: string, name: string): CatalogError {
  return new CatalogError('CONFLICT', `a topic named ${name}, but for '.' and '_', or with id ${id} exists already`)
}

export function noSuchTopic(nameOrId: string): CatalogError {
  return new CatalogError('NOT_FOUND', `there is no topic ${nameOrId}`)
}

export function notPlaced(topicId: string, partition: number): CatalogError {
  return new CatalogError('NOT_FOUND', `partition ${partition} of topic ${topicId} has no leader that could change`)
}

export function epochNotRising(partition: number, from: number, to: number): CatalogError {
  return new CatalogError('CONFLICT', `partition ${partition} has leader epoch ${from}, which cannot become ${to}`)
}

export function countNotRising(name: string, from: number, to: number): CatalogError {
  return new CatalogError('CONFLICT', `topic ${name} has ${from} partitions, which cannot become ${to}`)
}
