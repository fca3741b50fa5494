-- A wrk script that seeks like a player or a CDN.
--
--   SEEKGATE_URLS=urls.txt SEEKGATE_KEY=sk_live_... SEEK_AS=chromium wrk -t2 -c64 -d30s -s seek.lua http://127.0.0.1:8080
--
-- SEEK_AS      chromium: the beginning, then closed ranges of 64 KiB to 1 MiB with If-Range
--              safari: two bytes, the beginning, then 1 MiB at other places
--              cdn: aligned slices of 8 MiB
-- SEEK_SEED    the same seed gives the same ranges (default 1)
-- SEEK_PAUSE_MS  how long each connection waits before a request (default 0)
-- SEEK_VERIFY  1: the status and length of every response are checked, and 64 of its bytes if the object is synthetic
--
-- wrk cannot disconnect in the middle of a body, as players do. Where a player requests everything from an offset on, this
-- script requests the 1 MiB that the player reads before it disconnects. The Locust script does disconnect.

local MIB = 1024 * 1024
local SLICE = 8 * MIB
local OPENED = MIB
local SEEKS = 8
local CHECKED_BYTES = 64

local key = os.getenv("SEEKGATE_KEY") or ""
local seek_as = os.getenv("SEEK_AS") or "chromium"
local verify = os.getenv("SEEK_VERIFY") == "1"
local pause = tonumber(os.getenv("SEEK_PAUSE_MS") or "0")
local objects, queue, threads, table_of_bytes = {}, {}, {}, {}

checked, wrong = 0, 0 -- global: read from outside by thread:get

local function read_urls()
    local path = assert(os.getenv("SEEKGATE_URLS"), "SEEKGATE_URLS names the file that list_urls.py wrote")
    for line in assert(io.open(path)):lines() do
        local url, size, etag = line:match("^(%S+) (%d+) (.+)$")
        if url and tonumber(size) > 0 then
            table.insert(objects, {url = url, size = tonumber(size), etag = etag})
        end
    end
    assert(#objects > 0, "the list of URLs is empty")
end

local function ask(object, first, last, if_range)
    local headers = {Range = string.format("bytes=%d-%d", first, math.min(last, object.size - 1))}
    if key ~= "" then headers["X-API-Key"] = key end
    if if_range then headers["If-Range"] = object.etag end
    table.insert(queue, wrk.format("GET", object.url, headers))
end

local sessions = {}

function sessions.chromium(object)
    ask(object, 0, OPENED - 1)
    for _ = 1, SEEKS do
        local first = math.random(0, object.size - 1)
        ask(object, first, first + math.random(1, 16) * 65536 - 1, true)
    end
end

function sessions.safari(object)
    ask(object, 0, 1)
    ask(object, 0, OPENED - 1)
    for _ = 1, SEEKS do
        local first = math.random(0, object.size - 1)
        ask(object, first, first + OPENED - 1)
    end
end

function sessions.cdn(object)
    local slices = math.ceil(object.size / SLICE)
    for _ = 1, math.min(SEEKS, slices) do
        local first = math.random(0, slices - 1) * SLICE
        ask(object, first, first + SLICE - 1)
    end
end

-- The pattern of a synthetic object (storage_adapters/synthetic.py).
local function make_table()
    local x = 1
    for position = 0, 262138 do
        x = 48271 * x % 2147483647
        table_of_bytes[position] = math.floor(x / 256) % 256
    end
end

function setup(thread)
    table.insert(threads, thread)
    thread:set("number", #threads)
end

function init()
    math.randomseed(tonumber(os.getenv("SEEK_SEED") or "1") * 1000 + number)
    assert(sessions[seek_as], "SEEK_AS is chromium, safari or cdn")
    read_urls()
    if verify then make_table() end
end

function request()
    if #queue == 0 then
        sessions[seek_as](objects[math.random(#objects)])
        -- taken from the end below, asked in order
        for place = 1, math.floor(#queue / 2) do
            queue[place], queue[#queue - place + 1] = queue[#queue - place + 1], queue[place]
        end
    end
    return table.remove(queue)
end

local function field(headers, wanted)
    for name, value in pairs(headers) do
        if name:lower() == wanted then return value end
    end
    return ""
end

-- A demo's synthetic recording n has seed n and 1 MiB * (1 + n mod 256) + n bytes.
local function bytes_are_right(first, size, body)
    local seed = size % MIB
    if size ~= MIB * (1 + seed % 256) + seed then return true end
    for _ = 1, CHECKED_BYTES do
        local place = math.random(1, #body)
        if body:byte(place) ~= table_of_bytes[(first + place - 1 + 7919 * seed) % 262139] then return false end
    end
    return true
end

local function is_right(status, headers, body)
    local first, last, size = field(headers, "content-range"):match("^bytes (%d+)%-(%d+)/(%d+)$")
    if status ~= 206 or not first then return false end
    return #body == last - first + 1 and bytes_are_right(tonumber(first), tonumber(size), body)
end

if pause > 0 then
    function delay()
        return pause
    end
end

if verify then
    function response(status, headers, body)
        checked = checked + 1
        if not is_right(status, headers, body) then wrong = wrong + 1 end
    end
end

function done(summary)
    local seen, bad = 0, 0
    for _, thread in ipairs(threads) do
        seen, bad = seen + thread:get("checked"), bad + thread:get("wrong")
    end
    io.write(string.format("%d requests, %d refused; %d responses checked, %d wrong\n",
        summary.requests, summary.errors.status, seen, bad))
end
