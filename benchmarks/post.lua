-- One chat call for wrk. KEYS has the keys to take in turn, STREAM asks for a stream, HEADERS adds "name: value" lines.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
for line in string.gmatch(os.getenv("HEADERS") or "", "[^\n]+") do
  local name, value = string.match(line, "^([^:]+):%s*(.*)$")
  wrk.headers[name] = value
end

local stream = os.getenv("STREAM") and ',"stream":true,"stream_options":{"include_usage":true}' or ''
wrk.body = '{"model":"' .. (os.getenv("MODEL") or "bench") .. '","messages":['
  .. '{"role":"system","content":"You are a helpful assistant."},'
  .. '{"role":"user","content":"Say hello to whoever measures this gateway, in a sentence or two, politely."}],'
  .. '"max_tokens":128' .. stream .. '}'

local requests = {}
local turn = 0

function init()
  for key in string.gmatch(os.getenv("KEYS") or "sk-none", "[^,]+") do
    wrk.headers["Authorization"] = "Bearer " .. key
    requests[#requests + 1] = wrk.format()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
