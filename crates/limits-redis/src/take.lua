-- Takes from every account or from none, in one step, by the time of this server: keys_core::take in Lua.
-- KEYS: the accounts, one for each limit.
-- ARGV: how many calls; 1 to take them, 0 to look; by how much rounding may have put a state too far ahead;
--       then for each limit how long a call is remembered, and the length of its window. All in nanoseconds.
-- Answers with the time, whether all pass, and each account as it was: what to tell the caller follows from that.
--
-- An account is nanoseconds since 1970 in decimal. As one number it would not fit into Lua's, which are exact up to
-- 2^53: so it is read and written in two parts, and everything else is how far ahead of now it is.
local time = redis.call('TIME')
local seconds, nanos = tonumber(time[1]), tonumber(time[2]) * 1000
local cost, is_taken, rounding = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3])
local passes, before, after = 1, {}, {}
for i, account in ipairs(KEYS) do
    local step, window = tonumber(ARGV[2 + 2 * i]), tonumber(ARGV[3 + 2 * i])
    local kept = redis.call('GET', account) or ''
    local kept_seconds, kept_nanos = tonumber(string.sub(kept, 1, -10)), tonumber(string.sub(kept, -9))
    local ahead = 0
    if kept_seconds and kept_nanos then
        ahead = (kept_seconds - seconds) * 1000000000 + kept_nanos - nanos
    end
    if ahead < 0 or ahead > window + rounding then ahead = 0 end
    before[i], after[i] = kept, ahead + step * cost
    if cost > 0 and after[i] > window then passes = 0 end
end
if is_taken and passes == 1 then
    for i, account in ipairs(KEYS) do
        if after[i] > 0 then
            local then_nanos = nanos + after[i]
            local then_seconds = math.floor(then_nanos / 1000000000)
            then_nanos = then_nanos - then_seconds * 1000000000
            local kept = string.format('%.0f%09.0f', seconds + then_seconds, then_nanos)
            redis.call('SET', account, kept, 'PX', math.ceil(after[i] / 1000000) + 1)
        end
    end
end
return { time[1], time[2], passes, before }
