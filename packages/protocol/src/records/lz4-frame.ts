/**
 * LZ4 frames: how Kafka carries LZ4.
 *
 *   4  magic 04 22 4d 18 (little-endian 0x184d2204); 0x184d2a50 to 5f is a skippable frame: 4 bytes of size, then that much
 *   1  FLG   bits 7-6 version 1 · 5 blocks independent · 4 block checksums · 3 content size · 2 content checksum · 0 dictionary id
 *   1  BD    bits 6-4 largest block: 4 = 64 KiB, 5 = 256 KiB, 6 = 1 MiB, 7 = 4 MiB
 *   8  content size, if FLG says so        4  dictionary id, if FLG says so
 *   1  second byte of xxHash32 over FLG to here
 *      blocks: 4 size (bit 31: stored as is), data, 4 checksum of the data if FLG says so; size 0 ends the frame
 *   4  xxHash32 of the content, if FLG says so
 */
import { CompressionError, corrupt, tooLarge } from './compression-error.ts'
import { BLOCK_CORRUPT, BLOCK_OVERFLOWS, decodeLz4Block, encodeLz4Block, lz4BlockBound } from './lz4-block.ts'
import { OutputBuffer } from './output-buffer.ts'
import { xxhash32 } from './xxhash32.ts'

const FRAME_MAGIC = 0x184d2204
const SKIPPABLE_MAGIC = 0x184d2a50
const BLOCK_STORED = 0x8000_0000
/** No LZ4 block grows by more than this: a length byte adds at most 255 bytes. */
const EXPANSION_MAX = 255

interface FrameHeader {
  readonly blocksIndependent: boolean
  readonly hasBlockChecksums: boolean
  readonly hasContentChecksum: boolean
  readonly contentSize: number | undefined
  readonly blockSizeMax: number
  /** Where the blocks begin. */
  readonly end: number
}

export interface Lz4DecodeOptions {
  readonly maxBytes: number
  /** Only what Kafka's own Java reader takes: one frame and nothing before or after it, independent blocks. */
  readonly portable?: boolean
  /** The result may be a view of a shared buffer, valid until the next call. */
  readonly transient?: boolean
}

export function decodeLz4Frames(
  bytes: Buffer,
  { maxBytes, portable = false, transient = false }: Lz4DecodeOptions,
): Buffer {
  const out = new OutputBuffer(maxBytes, transient)
  let at = 0
  let frameCount = 0
  while (at < bytes.length) {
    need(bytes, at, 4)
    const magic = bytes.readUInt32LE(at)
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC) {
      if (portable) throw notPortable()
      need(bytes, at, 8)
      const size = bytes.readUInt32LE(at + 4)
      need(bytes, at + 8, size)
      at += 8 + size
    } else if (magic === FRAME_MAGIC) {
      const header = readHeader(bytes, at)
      if (portable && (!header.blocksIndependent || frameCount > 0)) throw notPortable()
      at = decodeFrame(bytes, header, out)
      frameCount++
    } else {
      throw corrupt('lz4 frame does not begin with its magic number')
    }
  }
  if (frameCount === 0) throw corrupt('no lz4 frame')
  return out.finish()
}

const notPortable = (): CompressionError =>
  new CompressionError('UNSUPPORTED', 'lz4 with linked blocks or several frames is not readable by all clients')

function need(bytes: Buffer, at: number, size: number): void {
  if (size > bytes.length - at) throw corrupt('lz4 frame is cut short')
}

function readHeader(bytes: Buffer, at: number): FrameHeader {
  need(bytes, at, 7)
  const flags = bytes[at + 4]!
  const descriptor = bytes[at + 5]!
  if (flags >>> 6 !== 1) throw new CompressionError('UNSUPPORTED', `lz4 frame version ${flags >>> 6}`)
  if ((flags & 0x02) !== 0 || (descriptor & 0x8f) !== 0) throw corrupt('lz4 frame has reserved bits set')
  if ((flags & 0x01) !== 0) throw new CompressionError('UNSUPPORTED', 'lz4 frame needs a dictionary')
  const sizeCode = (descriptor >>> 4) & 7
  if (sizeCode < 4) throw corrupt(`lz4 frame has block size code ${sizeCode}`)
  const hasContentSize = (flags & 0x08) !== 0
  const checksumAt = at + 6 + (hasContentSize ? 8 : 0)
  need(bytes, checksumAt, 1)
  if (((xxhash32(bytes, at + 4, checksumAt) >>> 8) & 0xff) !== bytes[checksumAt]) {
    throw corrupt('lz4 frame header fails its checksum')
  }
  return {
    blocksIndependent: (flags & 0x20) !== 0,
    hasBlockChecksums: (flags & 0x10) !== 0,
    hasContentChecksum: (flags & 0x04) !== 0,
    contentSize: hasContentSize ? bytes.readUInt32LE(at + 6) + bytes.readUInt32LE(at + 10) * 0x1_0000_0000 : undefined,
    blockSizeMax: 1 << (8 + 2 * sizeCode),
    end: checksumAt + 1,
  }
}

/** Appends the frame's content to `out` and returns the position after the frame. */
function decodeFrame(bytes: Buffer, header: FrameHeader, out: OutputBuffer): number {
  const frameStart = out.length
  const { contentSize } = header
  if (contentSize !== undefined) {
    if (contentSize > out.maxBytes - frameStart) throw tooLarge(out.maxBytes)
    if (contentSize > (bytes.length - header.end) * EXPANSION_MAX)
      throw corrupt('lz4 frame claims more than its blocks can hold')
    out.reserve(contentSize)
  }
  let at = header.end
  for (;;) {
    need(bytes, at, 4)
    const sizeWord = bytes.readUInt32LE(at)
    at += 4
    if (sizeWord === 0) break
    at = decodeFramedBlock(bytes, at, sizeWord, { header, out, frameStart })
  }
  if (contentSize !== undefined && out.length - frameStart !== contentSize)
    throw corrupt('lz4 frame is not as long as it claims')
  if (header.hasContentChecksum) {
    need(bytes, at, 4)
    if (xxhash32(out.bytes, frameStart, out.length) !== bytes.readUInt32LE(at))
      throw corrupt('lz4 content fails its checksum')
    at += 4
  }
  return at
}

interface FrameTarget {
  readonly header: FrameHeader
  readonly out: OutputBuffer
  readonly frameStart: number
}

function decodeFramedBlock(
  bytes: Buffer,
  at: number,
  sizeWord: number,
  { header, out, frameStart }: FrameTarget,
): number {
  const stored = sizeWord >= BLOCK_STORED
  const size = stored ? sizeWord - BLOCK_STORED : sizeWord
  if (size > header.blockSizeMax) throw corrupt('lz4 block is larger than its frame allows')
  need(bytes, at, size + (header.hasBlockChecksums ? 4 : 0))
  const block = bytes.subarray(at, at + size)
  if (header.hasBlockChecksums && xxhash32(block) !== bytes.readUInt32LE(at + size))
    throw corrupt('lz4 block fails its checksum')
  if (stored) out.append(block)
  else decodeInto(block, out, header, frameStart)
  return at + size + (header.hasBlockChecksums ? 4 : 0)
}

function decodeInto(block: Buffer, out: OutputBuffer, header: FrameHeader, frameStart: number): void {
  const room = Math.min(header.blockSizeMax, block.length * EXPANSION_MAX, out.maxBytes - out.length)
  out.reserve(room)
  const end = decodeLz4Block(
    block,
    out.bytes.subarray(0, out.length + room),
    out.length,
    header.blocksIndependent ? out.length : frameStart,
  )
  if (end === BLOCK_CORRUPT) throw corrupt('lz4 block is corrupt')
  if (end === BLOCK_OVERFLOWS) {
    throw out.length + room === out.maxBytes
      ? tooLarge(out.maxBytes)
      : corrupt('lz4 block grows past its frame’s block size')
  }
  out.length = end
}

const WRITTEN_BLOCK_SIZE = 65536
/** FLG 0x60, BD 0x40 and their checksum: independent blocks of 64 KiB and nothing else, as Kafka's Java client writes it. */
const WRITTEN_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])

export function encodeLz4Frame(bytes: Buffer): Buffer {
  const blockCount = Math.ceil(bytes.length / WRITTEN_BLOCK_SIZE)
  const out = Buffer.allocUnsafe(lz4BlockBound(bytes.length) + blockCount * 20 + 16)
  let to = WRITTEN_HEADER.copy(out)
  for (let start = 0; start < bytes.length; start += WRITTEN_BLOCK_SIZE) {
    const block = bytes.subarray(start, start + WRITTEN_BLOCK_SIZE)
    let end = encodeLz4Block(block, out, to + 4)
    let sizeWord = end - to - 4
    if (sizeWord >= block.length) {
      end = to + 4 + block.copy(out, to + 4)
      sizeWord = BLOCK_STORED + block.length
    }
    out.writeUInt32LE(sizeWord, to)
    to = end
  }
  return out.subarray(0, out.writeUInt32LE(0, to))
}
