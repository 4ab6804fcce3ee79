-- wrk's side of bench/wrk.ts: sends the requests in the work list that the environment variable LIST names, and prints one
-- line of JSON at the end. The body is the file's random bytes, which do not compress.
local list = dofile(os.getenv('LIST'))
local body = nil
if list.body ~= '' then
  local file = io.open(list.body, 'rb')
  body = file:read('*a')
  file:close()
end
local requests = {}
local at = 0

init = function()
  for i, path in ipairs(list.paths) do
    requests[i] = wrk.format(list.method, path, list.headers, body)
  end
end

request = function()
  at = at % #requests + 1
  return requests[at]
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50Ms":%.3f,"p99Ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
