"""Whether somebody else used the machine while something was measured.

It matters more than noise usually does, because it is not fair. Threads that wait for each other at every step, as
those of PyTorch's OpenMP do, may become ten times as slow when a third process wants one of two cores; ours hardly
wait and lose a part. So a busy machine flatters us. Turns are therefore watched, repeated if disturbed, and marked
if they remain so. Only Linux tells; elsewhere nothing is seen.
"""

import time

TRIES = 3  # of a turn, until it is not disturbed
PAUSE = 1.0  # seconds before it is tried again
ALLOWED = 0.05  # processor seconds of others, for each second


def busy():
    """Processor seconds used by all processes since the machine started; None where nobody tells."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except OSError:
        return None
    return (user + nice + system + irq + softirq + steal) / 100


def foreign_share(before, after, own, wall):
    """Processor seconds of others for each second, from two readings of `busy` and our own processor seconds."""
    if before is None or after is None:
        return 0.0
    return max(0.0, after - before - own - 0.02) / wall  # the clock of /proc/stat ticks every 10 ms


def least_disturbed(attempt, tries=TRIES):
    """(value, foreign share) of attempt() -> (value, foreign share), tried until nobody disturbs it."""
    best = attempt()
    while best[1] > ALLOWED and tries > 1:
        tries -= 1
        time.sleep(PAUSE)
        best = min(best, attempt(), key=lambda result: result[1])
    return best
