-- One call for wrk: BODY. KEYS has the keys to take in turn, HEADERS adds "name: value" lines.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
for line in string.gmatch(os.getenv("HEADERS") or "", "[^\n]+") do
  local name, value = string.match(line, "^([^:]+):%s*(.*)$")
  wrk.headers[name] = value
end

wrk.body = os.getenv("BODY")

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
