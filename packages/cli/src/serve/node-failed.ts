/** A node that cannot be started, or not kept alive. `message` is for the operator. */
export class NodeFailed extends Error {
  override readonly name = 'NodeFailed'

  constructor(nodeId: number, reason: string) {
    super(`node ${nodeId}: ${reason}`)
  }
}
