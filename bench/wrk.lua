-- The load generator's side: an optional body, and the counts in a form a program reads.
-- Neither touches the request path: wrk sends one prepared request over and over.

local size = tonumber(os.getenv("BENCH_POST_BYTES") or "0")
if size > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", size)
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "tally requests=%d duration_us=%d p50_us=%d p99_us=%d connect=%d read=%d write=%d status=%d timeout=%d\n",
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
