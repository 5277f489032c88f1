/** Finds the error codes in a response by its definition: the places are looked up once an API, so that counting them costs a few loads a request. */
import { EncodedArray, type Message } from '@millrace/protocol'

type StructType = Message<unknown, unknown>['type']
type Count = (code: number) => void
type Visit = (value: Record<string, unknown>, count: Count) => void

/** Undefined when a response of this kind holds no error code. */
export function errorVisitor(type: StructType): Visit | undefined {
  const visits: Visit[] = []
  for (const { name, type: inner } of type.fields) {
    const visit = visitField(name, inner)
    if (visit !== undefined) visits.push(visit)
  }
  if (visits.length <= 1) return visits[0]
  return (value, count) => {
    for (const visit of visits) visit(value, count)
  }
}

function visitField(name: string, type: StructType['fields'][number]['type']): Visit | undefined {
  if (name === 'errorCode' && type.kind === 'int16')
    return (value, count) => {
      const code = value[name]
      if (typeof code === 'number' && code !== 0) count(code)
    }
  const element = type.kind === 'array' ? type.of : type
  const visit = element.kind === 'struct' ? errorVisitor(element) : undefined
  if (visit === undefined) return undefined
  if (type.kind === 'struct')
    return (value, count) => {
      const inner = value[name]
      if (inner !== undefined && inner !== null) visit(inner as Record<string, unknown>, count)
    }
  return (value, count) => {
    const all = value[name] ?? []
    // What is kept encoded holds no errors.
    if (!(all instanceof EncodedArray))
      for (const inner of all as readonly Record<string, unknown>[]) visit(inner, count)
  }
}
