"""request_metrics() and its kin, made of what the C side counts. Times there are nanoseconds."""

import os
import sys
import time

import mod_wsgi

PHASES = ['server_time', 'queue_time', 'daemon_time', 'application_time', 'request_time', 'input_read_time',
          'output_write_time', 'gil_wait_time']
IDLE, DRAINING, LONG, SEATED = 1, 2, 3, 4   # of a thread, as in arena.h

previous = None     # the sample at which the interval began


class Sample:
    """The counters at one time; taking one ends the interval of the extremes."""

    def __init__(self):
        self.time = time.time()
        self.threads = mod_wsgi._counters()
        self.user, self.system, self.peak = mod_wsgi._usage()


def start_recording_metrics():
    """Has requests counted from now on. Once is enough."""
    global previous
    mod_wsgi._start_counting()
    if previous is None:
        previous = Sample()


def request_metrics():
    """What happened since the last call, or since start_recording_metrics(); None if that was not called."""
    global previous
    if previous is None:
        return None
    before, now = previous, Sample()
    previous = now
    period = max(now.time - before.time, 1e-9)
    metrics = {'pid': os.getpid(), 'start_time': before.time, 'stop_time': now.time, 'sample_period': period}
    count = total(now, 'requests') - total(before, 'requests')
    metrics.update(request_count=count, request_throughput=count / period)
    metrics.update(of_threads(before, now, period))
    for i, name in enumerate(PHASES):
        metrics.update(of_phase(before, now, i, name, count))
    metrics['gil_wait_count'] = count
    metrics.update(of_traffic(before, now))
    metrics.update(of_process(before, now, period))
    return metrics


def total(sample, key):
    return sum(thread[key] for thread in sample.threads)


def of_threads(before, now, period):
    """A number for each thread, and how much of them all was used."""
    pairs = list(zip(before.threads, now.threads))
    completed = [b['requests'] - a['requests'] for a, b in pairs]
    elapsed = [thread['elapsed'] / 1e9 for thread in now.threads]
    busy = [min(period, max(0, b['busy'] - a['busy'] - a['elapsed'] + b['elapsed']) / 1e9) for a, b in pairs]
    return {
        'request_threads_maximum': len(pairs),
        'request_threads_started': len(pairs),
        'request_threads_active': sum(1 for number, running in zip(completed, elapsed) if number or running),
        'capacity_utilization': sum(busy) / (period * len(pairs)),
        'request_threads_completed': completed,
        'request_threads_busy_time': busy,
        'request_threads_cpu_time': [(b['cpu'] - a['cpu']) / 1e9 for a, b in pairs],
        'request_threads_current_elapsed': elapsed,
        'request_threads_max_duration': [thread['longest'] / 1e9 for thread in now.threads],
    }


def of_phase(before, now, i, name, count):
    """Mean, extremes and histogram of one phase of the requests."""
    if name == 'daemon_time' and not mod_wsgi.process_group:
        return {key: None for key in (name, name + '_min_us', name + '_max_us', name + '_buckets')}
    a, b = [[thread['phases'][i] for thread in sample.threads] for sample in (before, now)]
    spent = sum(phase[0] for phase in b) - sum(phase[0] for phase in a)
    least = [phase[1] for phase in b if phase[1] is not None]
    most = [phase[2] for phase in b if phase[2] is not None]
    columns = zip(zip(*(phase[3] for phase in a)), zip(*(phase[3] for phase in b)))
    return {
        name: spent / 1e9 / count if count else 0.0,
        name + '_min_us': min(least) // 1000 if least else None,
        name + '_max_us': max(most) // 1000 if most else None,
        name + '_buckets': [sum(new) - sum(old) for old, new in columns],
    }


def of_traffic(before, now):
    metrics = {key: total(now, key) - total(before, key)
               for key in ('input_bytes', 'input_reads', 'output_bytes', 'output_writes')}
    for i in range(5):
        metrics[f'status_{i + 1}xx'] = sum(b['classes'][i] - a['classes'][i]
                                           for a, b in zip(before.threads, now.threads))
    return metrics


def of_process(before, now, period):
    user, system = (now.user - before.user) / period, (now.system - before.system) / period
    return {'cpu_user_utilization': user, 'cpu_system_utilization': system, 'cpu_utilization': user + system,
            'memory_rss': memory_in_use(), 'memory_max_rss': now.peak}


def memory_in_use():
    """Bytes of memory that the process has now."""
    with open('/proc/self/statm', 'rb') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def started_at():
    """When the process started, in seconds of the epoch."""
    with open('/proc/self/stat', 'rb') as file:
        ticks = int(file.read().rpartition(b')')[2].split()[19])    # field 22 of proc(5), after the name
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf('SC_CLK_TCK')


def process_metrics():
    """The process from its start on; None if start_recording_metrics() was not called."""
    if previous is None:
        return None
    threads = mod_wsgi._own_threads()
    user, system, peak = mod_wsgi._usage()
    restarted, now = started_at(), time.time()
    return {
        'pid': os.getpid(), 'restart_time': restarted, 'current_time': now, 'running_time': int(now - restarted),
        'request_count': sum(requests for requests, _, _ in threads),
        'request_busy_time': sum(busy for _, busy, _ in threads) / 1e9,
        'request_threads': len(threads), 'active_requests': sum(1 for _, _, active in threads if active),
        'cpu_user_time': user, 'cpu_system_time': system, 'cpu_time': user + system,
        'memory_rss': memory_in_use(), 'memory_max_rss': peak,
        'threads': [{'thread_id': i + 1, 'request_count': thread[0]} for i, thread in enumerate(threads)],
    }


# ---- the scoreboard

def server_metrics():
    """All processes of the group and what their threads do; None unless --server-metrics was given."""
    board = mod_wsgi._scoreboard()
    if board is None:
        return None
    now, epoch = time.time(), time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
    alive = [process for process in board if process[0]]
    started = [epoch + process[3] / 1e9 for process in alive]
    generation = max([process[1] for process in alive], default=0)
    return {
        'server_limit': len(board), 'thread_limit': max(len(process[4]) for process in board),
        'running_generation': generation, 'restart_time': min(started, default=now), 'current_time': now,
        'running_time': int(now - min(started, default=now)),
        'processes': [process_entry(i, process, epoch) for i, process in enumerate(board)],
    }


def process_entry(number, process, epoch):
    pid, generation, closed, _, threads = process
    return {'process_num': number, 'pid': pid, 'generation': generation, 'quiescing': bool(closed),
            'workers': [worker_entry(i, thread, process, epoch) for i, thread in enumerate(threads)]}


def worker_entry(number, thread, process, epoch):
    duty, requests, since, (client, request) = thread
    return {'thread_num': number, 'generation': process[1], 'status': letter(duty, bool(request), process),
            'access_count': requests, 'start_time': epoch + since / 1e9 if 0 < since < sys.maxsize else 0.0,
            'client': client, 'request': request}


def letter(duty, busy, process):
    """As mod_status has them: no thread, waiting, at work, finishing."""
    if not process[0] or duty == 0:
        return '.'
    if not busy:
        return '_'
    return 'G' if process[2] else 'W'
