-- The wrk script of the benchmarks: seeded random ranges of one length, requested repeatedly.
--
-- Environment: RANGE_LENGTH (bytes; 0 requests the whole file), OBJECT_SIZE, RANGE_SEED, REQUEST_HEADERS (lines of
-- "Name: value"), and CHECK_LENGTH: if set, every response must have EXPECTED_STATUS and that length. Checking
-- passes each body to Lua, which costs more than serving it, so it is done in separate runs that are not measured.
-- PAUSE_MS: if set, each connection waits before each request, as the tests of the benchmarks do: they need no full load.
--
-- Prints "RESULT " and one line of JSON.

local length = tonumber(os.getenv("RANGE_LENGTH"))
local size = tonumber(os.getenv("OBJECT_SIZE"))
local check = tonumber(os.getenv("CHECK_LENGTH") or "")
local pause = tonumber(os.getenv("PAUSE_MS") or "")
local expected = tonumber(os.getenv("EXPECTED_STATUS"))
local PREPARED = 4096

local requests, turn, threads = {}, 0, {}

checked, wrong = 0, 0 -- global: read from outside by thread:get

function setup(thread)
    table.insert(threads, thread)
end

local function headers()
    local found = {}
    for name, value in os.getenv("REQUEST_HEADERS"):gmatch("([^\n:]+): ([^\n]*)") do
        found[name] = value
    end
    return found
end

function init()
    math.randomseed(tonumber(os.getenv("RANGE_SEED")))
    for number = 1, (length == 0) and 1 or PREPARED do
        local fields = headers()
        if length > 0 then
            local first = math.random(0, size - length)
            fields["Range"] = string.format("bytes=%d-%d", first, first + length - 1)
        end
        requests[number] = wrk.format("GET", nil, fields)
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

if pause then
    function delay()
        return pause
    end
end

if check then
    function response(status, _, body)
        checked = checked + 1
        if status ~= expected or #body ~= check then
            wrong = wrong + 1
        end
    end
end

function done(summary, latency)
    local seen, bad = 0, 0
    for _, thread in ipairs(threads) do
        seen, bad = seen + thread:get("checked"), bad + thread:get("wrong")
    end
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests": %d, "seconds": %.6f, "bytes": %.0f, "checked": %d, "wrong": %d, "failed": %d, '
            .. '"p50_ms": %.3f, "p99_ms": %.3f, "p999_ms": %.3f, "max_ms": %.3f}\n',
        summary.requests, summary.duration / 1e6, summary.bytes, seen, bad,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3))
end
