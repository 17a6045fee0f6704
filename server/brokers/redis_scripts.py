"""The scripts that run in Redis or Valkey, each as one step: what is checked and changed there at once.

Owns the Lua. `redis_log` says what the keys are, and makes the commands. A key that holds something foreign (another
type, no number) ends this log and begins another one, as a key that is missing does. Foreign entries above our last
number, where they would keep us from adding, are removed. Both are counted in the answer.

What is in the log is charged to its sender: each entry costs its bytes, and a part of the room at least, so that one
sum bounds messages and bytes. When the room is full the oldest entry goes of those senders who are above their share,
else the oldest of all.
"""

from __future__ import annotations

ADD = """
local log, seqs, epochs, costs, over = unpack(KEYS)
local begun, known, highest, at, text, proves, cleans = unpack(ARGV, 1, 7)
local room, share, least, prefix, keys_s, most_keys, sent = unpack(ARGV, 8, 14)
local FIRST = 15
room, share, least = tonumber(room), tonumber(share), tonumber(least)
local foreign = 0

local function whole(value)
    return value and #value < 16 and value:match('^%d+$') and tonumber(value)
end

local function number_of(id)
    return tonumber(id:match('^%d+'))
end

local function forget()
    local spent = redis.pcall('HKEYS', costs)
    if not spent.err then
        for _, sender in ipairs(spent) do redis.call('DEL', sent .. sender) end
    end
    redis.call('DEL', log, costs, over)
end

local function oldest_of(sender)
    local at, rows = -1, {}
    return function()
        at = at + 1
        if at % 50 == 0 then rows = redis.call('LRANGE', sent .. sender, at, at + 49) end
        local number, cost = (rows[at % 50 + 1] or ''):match('^(%d+) (%d+)$')
        return number and {number .. '-0', tonumber(number), sender, tonumber(cost)}
    end
end

local function oldest_of_all()
    local at, rows = 0, {}
    return function()
        at = at + 1
        if not rows[at] then
            rows = redis.call('XRANGE', log, #rows > 0 and '(' .. rows[#rows][1] or '-', '+', 'COUNT', 50)
            at = 1
        end
        if not rows[at] then return end
        local id, fields = unpack(rows[at])
        local sender, cost = (fields[6] or ''):match('^(%x+) (%d+)$')
        return {id, number_of(id), sender, tonumber(cost or 0)}
    end
end

local function evict()
    local total = tonumber(redis.call('HGET', costs, '') or 0) or 0
    if total <= room then return end
    local greedy, gone, ids, taken, of_all = {}, {}, {}, {}, oldest_of_all()
    for _, sender in ipairs(redis.call('SMEMBERS', over)) do
        local following = oldest_of(sender)
        local spent = tonumber(redis.call('HGET', costs, sender) or 0) or 0
        greedy[sender] = {following = following, head = following(), spent = spent}
    end
    while total > room do
        local victim
        for _, each in pairs(greedy) do
            if each.head and (not victim or each.head[2] < victim[2]) then victim = each.head end
        end
        if not victim then
            repeat victim = of_all() until not victim or not gone[victim[1]]
        end
        if not victim then total = 0 break end
        local id, _, sender, cost = unpack(victim, 1, 4)
        gone[id] = true
        table.insert(ids, id)
        if sender then
            total = total - cost
            local mine = taken[sender] or {0, 0}
            taken[sender] = {mine[1] + 1, mine[2] + cost}
            local each = greedy[sender]
            if each then
                each.spent, each.head = each.spent - cost, each.following()
                if each.spent <= share then greedy[sender] = nil end
            end
        end
    end
    for at = 1, #ids, 1000 do redis.call('XDEL', log, unpack(ids, at, math.min(at + 999, #ids))) end
    redis.call('HSET', costs, '', total)
    for sender, mine in pairs(taken) do
        redis.call('LTRIM', sent .. sender, mine[1], -1)
        local left = redis.call('HINCRBY', costs, sender, -mine[2])
        if left <= 0 then redis.call('HDEL', costs, sender) end
        if left <= share then redis.call('SREM', over, sender) end
    end
end

local function remove_foreign(seq)
    local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    if not last or number_of(last[1]) <= seq then return end
    local copy, after = log .. ':copy', '-'  -- the server would never again take an id that is lower than theirs
    redis.call('DEL', copy)
    while true do
        local slice = redis.call('XRANGE', log, after, seq, 'COUNT', 100)
        for _, entry in ipairs(slice) do redis.call('XADD', copy, entry[1], unpack(entry[2])) end
        if #slice < 100 then break end
        after = '(' .. slice[100][1]
    end
    redis.call('DEL', log)
    if redis.call('EXISTS', copy) == 1 then redis.call('RENAME', copy, log) end
    foreign = foreign + 1
end

local function append(number, post, epoch, sender, cost)
    local added = redis.pcall('XADD', log, number .. '-0', 'e', epoch, 'm', post, 's', sender .. ' ' .. cost)
    if added.err then
        remove_foreign(number - 1)
        redis.call('XADD', log, number .. '-0', 'e', epoch, 'm', post, 's', sender .. ' ' .. cost)
    end
end

local function known_number(keys, mark)
    local score = redis.pcall('ZSCORE', keys, mark)
    if type(score) == 'table' then
        redis.call('DEL', keys)
        foreign = foreign + 1
        return
    end
    return whole(score)
end

local function remember(keys, mark, number)
    redis.call('ZADD', keys, number, mark)
    redis.call('EXPIRE', keys, keys_s)
    if redis.call('ZCARD', keys) > tonumber(most_keys) then
        local last = redis.call('ZRANGE', keys, -1, -1, 'WITHSCORES')[2]
        local oldest = tonumber(last) > number and -1 or 0
        redis.call('ZREMRANGEBYRANK', keys, oldest, oldest)
    end
end

local function charge(spent, total)
    for sender, each in pairs(spent) do
        redis.call('RPUSH', sent .. sender, unpack(each.rows))
        if redis.call('HINCRBY', costs, sender, each.cost) > share then redis.call('SADD', over, sender) end
    end
    if total > 0 then redis.call('HINCRBY', costs, '', total) end
end

local function run()
    local epoch, seq = redis.call('GET', epochs), whole(redis.call('GET', seqs))
    local same = epoch and #epoch <= 64 and epoch:match('^[%w_-]+$') and seq
    if same and epoch == known then
        local there = text ~= '' and redis.call('XRANGE', log, at, at)[1]
        same = seq >= tonumber(highest) and (not there or redis.sha1hex(there[2][4] or '') == text)
    end
    if not same then
        epoch, seq = begun, 0
        forget()
        redis.call('SET', epochs, epoch)
        redis.call('SET', seqs, seq)
    elseif proves == '1' then
        redis.call('SET', epochs, epoch)
    end
    if cleans == '1' then remove_foreign(seq) end
    local numbers, spent, total = {}, {}, 0
    for i = FIRST, #ARGV, 4 do
        local keys, mark = ARGV[i] ~= '' and prefix .. ARGV[i], ARGV[i + 1]
        local post, sender = ARGV[i + 2], ARGV[i + 3]
        local number = keys and known_number(keys, mark)
        if not number then
            seq = seq + 1
            number = seq
            local cost = math.max(#post, least)
            append(number, post, epoch, sender, cost)
            if keys then remember(keys, mark, number) end
            local mine = spent[sender] or {rows = {}, cost = 0}
            table.insert(mine.rows, number .. ' ' .. cost)
            spent[sender], mine.cost, total = mine, mine.cost + cost, total + cost
        end
        table.insert(numbers, number)
    end
    if total > 0 then
        redis.call('SET', seqs, seq)
        charge(spent, total)
        evict()
    end
    return {epoch, seq, numbers, foreign}
end

local ok, answer = pcall(run)
if not ok then
    local why = type(answer) == 'table' and answer.err or tostring(answer)
    if not (why:find('WRONGTYPE') or why:find('not an integer')) then return redis.error_reply(why) end
    forget()
    redis.call('DEL', seqs, epochs)
    foreign = foreign + 1
    answer = run()
end
return answer
"""

# Entries after a place, as many as fit. One that does not fit at all is its size, without what is in it.
PAGE = """
local after, most, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local found, size = {}, 0
while #found < most do
    local count = #found > 0 and size < room / 10 and most - #found or 10  -- the others are likely to be as small
    local slice = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', count)
    for _, entry in ipairs(slice) do
        local bytes = 0
        for _, field in ipairs(entry[2]) do bytes = bytes + #field end
        if bytes > room then
            entry = {entry[1], {'', tostring(bytes)}}
            bytes = 0
        end
        if #found == most or size + bytes > room then return found end
        size = size + bytes
        table.insert(found, entry)
        after = entry[1]
    end
    if #slice < count then break end
end
return found
"""

# Where the entry after a place is, without what is in it.
NEXT = "local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)[1] return found and found[1]"

# The id after which the next entry of a stream will stand; nothing where there is no stream.
LAST = """
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then return not info.err:find('no such key') and info or nil end
for at = 1, #info, 2 do if info[at] == 'last-generated-id' then return info[at + 1] end end
"""

# Renames what is no stream, or one to which nothing can be added; was there anything to rename?
SET_ASIDE = """
local kind, full = redis.call('TYPE', KEYS[1]).ok, false
if kind == 'stream' then
    local info = redis.call('XINFO', 'STREAM', KEYS[1])
    for at = 1, #info, 2 do
        full = full or info[at] == 'last-generated-id' and info[at + 1]:find('^18446744073709551615') ~= nil
    end
end
if kind == 'none' or (kind == 'stream' and not full) then return 0 end
redis.call('RENAME', KEYS[1], KEYS[1] .. ':foreign')
return 1
"""
