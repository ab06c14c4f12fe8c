-- SPDX-License-Identifier: GPL-2.0-or-later
-- Loops that a just-in-time compiler takes up: integers, floats, strings, tables,
-- side exits, and functions that are compiled again when types change.
local bit = require("bit")

local function fibonacci(n)
    local a, b = 0, 1
    for _ = 1, n do a, b = b, (a + b) % 1000007 end
    return a
end

local function sieve(n)
    local composite, count = {}, 0
    for i = 2, n do
        if not composite[i] then
            count = count + 1
            for j = i * i, n, i do composite[j] = true end
        end
    end
    return count
end

local function mix(n)
    local h = 5381
    for i = 1, n do h = bit.bxor(bit.lshift(h, 5), bit.rshift(h, 3), i) end
    return h
end

local function add(a, b) return a + b end

local sum, text = 0, {}
for i = 1, 2000 do sum = add(sum, i * 0.5) end
for i = 1, 2000 do sum = add(sum, i) end
for i = 1, 500 do text[#text + 1] = (i % 3 == 0 and "x" or "y") .. i end
jit.flush()
for i = 1, 2000 do sum = add(sum, i % 7) end
print(fibonacci(5000), sieve(5000), mix(20000), sum, #table.concat(text))
os.exit(5)
