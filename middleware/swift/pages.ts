// Swift's title and sentence for each status of its answers, as a small HTML page.

const pages: Readonly<Record<number, readonly [title: string, text: string]>> = {
  200: ['OK', ''],
  201: ['Created', ''],
  202: ['Accepted', 'The request was accepted.'],
  304: ['Not Modified', ''],
  400: ['Bad Request', 'The request is malformed or asks for something that cannot be.'],
  401: ['Unauthorized', 'This needs a valid token of a user who may do it.'],
  403: ['Forbidden', 'You have no right to do this.'],
  404: ['Not Found', 'There is nothing of that name.'],
  405: ['Method Not Allowed', 'This method cannot be used here.'],
  406: ['Not Acceptable', 'None of the formats that you accept can be given.'],
  408: ['Request Timeout', 'The request took too long to come.'],
  409: ['Conflict', 'The request conflicts with what is there.'],
  411: ['Length Required', 'A Content-Length header is needed.'],
  412: ['Precondition Failed', 'A condition of the request does not hold.'],
  413: ['Request Entity Too Large', 'The request is larger than this node takes.'],
  416: ['Requested Range Not Satisfiable', 'There is nothing in the range that was asked for.'],
  422: ['Unprocessable Entity', 'What came is not what was announced.'],
  429: ['Too Many Requests', 'Too many logins were denied. Please wait and try again.'],
  498: ['Rate Limited', 'Too many uploads are under way. Please try again later.'],
  499: ['Client Disconnect', 'The client went away while it was sending.'],
  500: ['Internal Error', 'The node failed to serve the request.'],
  501: ['Not Implemented', 'This node does not implement what was asked for.'],
  503: ['Service Unavailable', 'The node cannot serve this now. Please try again later.'],
  505: ['HTTP Version Not Supported', 'This node speaks HTTP/1.1.'],
}

/** The reason phrase of a status. */
export const titleOf = (status: number): string => pages[status]?.[0] ?? 'Unknown'

/** Title and sentence of a status, as documents have them. */
export const sentenceOf = (status: number): string => (pages[status] ?? ['Unknown', '']).join('\n')

/** False for statuses whose answers are empty. */
export const hasPage = (status: number): boolean => (pages[status]?.[1] ?? '') !== ''

/** The page of a status that has one. */
export function pageOf(status: number): string {
  const [title, text] = pages[status]!
  return `<html><h1>${title}</h1><p>${text}</p></html>`
}
