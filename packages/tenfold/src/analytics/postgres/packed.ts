/** A whole number of eight bytes, as Postgres sends it, among packed rows; exact below 2^53. */
export function int8At(view: DataView, offset: number): number {
  return view.getInt32(offset) * 2 ** 32 + view.getUint32(offset + 4)
}

export function viewOf(packed: Buffer): DataView {
  return new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
}
