"""How fast the page with the network in it is, in a browser: python benchmarks/page.py [--rounds N]

It prints the seconds until it composes, the characters a second with all panels and with none, and the longest task
that kept the page from answering. It needs the extra `browser` and a Chromium; see tests/test_page_browser.py.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import lstm
from lstm.page import page

TASKS = "window.longest = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => {" \
        "window.longest = Math.max(window.longest, entry.duration); })).observe({ type: 'longtask', buffered: true });"
PANELS = "next", "unit", "similarity"


def wait(window, what, most=60):
    """Wait until an expression is true, at most so many seconds."""
    began = time.monotonic()
    while not window.evaluate(what):
        if time.monotonic() - began > most:
            raise SystemExit(f"after {most} s this is still not so: {what}")
        time.sleep(0.01)


def composing(window, seed):
    """(characters, seconds) of a tune with this seed."""
    window.fill("#random_seed", str(seed))
    began = time.monotonic()
    window.click("#compose")
    wait(window, "Boolean(composer.ended && !running)")
    return window.evaluate("composer.text.length"), time.monotonic() - began


def speed(window, rounds):
    """Characters a second over several tunes."""
    counts, seconds = zip(*(composing(window, seed) for seed in range(rounds)))
    return sum(counts) / sum(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="tunes a measurement (5)")
    rounds = parser.parse_args().rounds
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as tools, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "composer.html")
        path.write_text(page(lstm.load()), encoding="utf-8")
        browser = tools.chromium.launch(executable_path=program)
        print(f"Chromium {browser.version}, a page of {path.stat().st_size / 1e6:.1f} MB")
        ready = []
        for _ in range(rounds):
            window = browser.new_page(viewport={"width": 1400, "height": 900})
            window.add_init_script(TASKS)
            began = time.monotonic()
            window.goto(path.as_uri())
            wait(window, "document.documentElement.dataset.ready === 'yes'")
            ready.append(time.monotonic() - began)
        print(f"composes after {statistics.median(ready):.2f} s (median of {rounds}, the worst {max(ready):.2f})")
        loading = window.evaluate("window.longest")
        window.evaluate("window.longest = 0")
        print(f"{speed(window, rounds):.0f} characters a second with all panels")
        print(f"the longest task: {window.evaluate('window.longest'):.0f} ms; while it loads, {loading:.0f} ms")
        for name in PANELS:
            window.evaluate(f"document.getElementById('{name}-panel').open = false")
        print(f"{speed(window, rounds):.0f} characters a second with the panels hidden")
        browser.close()


if __name__ == "__main__":
    main()
