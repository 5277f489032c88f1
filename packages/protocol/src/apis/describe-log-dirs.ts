import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int16, int32, long, string, struct } from '../schema/field.ts'

/** Describes log directories and the replicas in them. */
export const DescribeLogDirs = api({
  name: 'DescribeLogDirs',
  key: 35,
  versions: [1, 5],
  flexible: 2,
  request: { topics: array(struct({ topic: string(), partitions: array(int32()) })).nullable() },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16().since(3).ignorable(),
    results: array(
      struct({
        errorCode: int16(),
        logDir: string(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({ partitionIndex: int32(), partitionSize: long(), offsetLag: long(), isFutureKey: bool() }),
            ),
          }),
        ),
        totalBytes: long().since(4).default(-1).ignorable(),
        usableBytes: long().since(4).default(-1).ignorable(),
        isCordoned: bool().since(5).default(false).ignorable(),
      }),
    ),
  },
})

export interface DescribeLogDirsRequest extends Infer<typeof DescribeLogDirs.request> {}
export interface DescribeLogDirsResponse extends Infer<typeof DescribeLogDirs.response> {}
export interface DescribeLogDirsRequestInput extends InferInput<typeof DescribeLogDirs.request> {}
export interface DescribeLogDirsResponseInput extends InferInput<typeof DescribeLogDirs.response> {}
