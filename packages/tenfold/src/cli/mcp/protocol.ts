/** The Model Context Protocol over standard input and output: JSON-RPC 2.0, one message a line. Of it we need three
 *  methods and no state. https://modelcontextprotocol.io/specification/2025-06-18/basic */
export interface Tool {
  name: string
  description: string
  /** A JSON schema of its arguments. */
  inputSchema: object
  run(args: Record<string, unknown>): Promise<unknown>
}

interface Request {
  id?: string | number
  method?: string
  params?: Record<string, unknown>
}

const VERSIONS = ['2025-06-18', '2025-03-26', '2024-11-05']
const PARSE_ERROR = -32_700
const NO_SUCH_METHOD = -32_601
const BAD_PARAMETERS = -32_602

/** Answers one line; undefined for what wants no answer. */
export async function answerLine(
  line: string,
  server: { name: string; version: string; tools: readonly Tool[]; messageOf(error: unknown): string },
): Promise<string | undefined> {
  let request: Request
  try {
    request = Object(JSON.parse(line)) as Request
  } catch {
    return failure(null, PARSE_ERROR, 'This line is no JSON.')
  }
  const { id, method, params = {} } = request
  if (id === undefined) return undefined // a notification
  if (method === 'initialize') {
    const asked = String(params['protocolVersion'])
    return success(id, {
      protocolVersion: VERSIONS.includes(asked) ? asked : VERSIONS[0],
      capabilities: { tools: {} },
      serverInfo: { name: server.name, version: server.version },
    })
  }
  if (method === 'ping') return success(id, {})
  if (method === 'tools/list')
    return success(id, {
      tools: server.tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
    })
  if (method !== 'tools/call') return failure(id, NO_SUCH_METHOD, `There is no method '${String(method)}'.`)
  const tool = server.tools.find(({ name }) => name === params['name'])
  if (!tool) return failure(id, BAD_PARAMETERS, `There is no tool '${String(params['name'])}'.`)
  try {
    const result = await tool.run(Object(params['arguments'] ?? {}) as Record<string, unknown>)
    return success(id, {
      content: [{ type: 'text', text: JSON.stringify(result, null, 1) }],
      structuredContent: { result },
    })
  } catch (error) {
    // A tool that fails is an answer: whoever asked can read why, and do something about it.
    return success(id, { content: [{ type: 'text', text: server.messageOf(error) }], isError: true })
  }
}

function success(id: string | number, result: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result })
}

function failure(id: string | number | null, code: number, message: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })
}
