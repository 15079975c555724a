/** Standard input and output, to a port of this network and back: what `nc` does, where there is none. */
import { connect } from 'node:net'

const socket = connect(Number(process.argv[2]), '127.0.0.1')
socket.on('error', () => process.exit(1))
process.stdin.pipe(socket).pipe(process.stdout)
