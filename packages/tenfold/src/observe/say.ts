/** One line for whoever started the app. Standard output belongs to the app. */
export function say(line: string): void {
  try {
    process.stderr.write(`tenfold: ${line}\n`)
  } catch {
    // Nobody reads it.
  }
}
