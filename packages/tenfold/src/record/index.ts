/** Ring 6: what people do with an app, as an archive that can be sent again. */
export type { Archive } from './archive.ts'
export { RecordPortTaken } from './errors.ts'
export { loadScript } from './script.ts'
export { startRecorder, type Counts, type Recorder } from './recorder.ts'
