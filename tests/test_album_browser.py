"""The album in a real browser: no error, everything to be seen and heard, on a phone and on a desk, light and dark.

Needs playwright and a Chromium that is installed on the system or by `playwright install chromium`.
"""

import io
import re

import matplotlib.image
import pytest
from test_album import CORPUS, HOSTILE

from lstm.rendering import music
from lstm.rendering.album import album

pytestmark = pytest.mark.slow

TUNES = [*CORPUS[3:5], *HOSTILE]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("album") / "album.html"
    path.write_text(album(TUNES, "An album", "For a test."), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """visit(...) opens the album in a new window; afterwards nothing must have gone wrong in it."""
    contexts, wrong = [], []

    def visit(script="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith(("data:", address)) or wrong.append(request.url))
        page.add_init_script(script)
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_scores_are_seen_and_players_have_a_duration(visit, viewport, scheme):
    page = visit(viewport=viewport, color_scheme=scheme)
    assert page.title() == "An album" and page.locator("article").count() == len(TUNES)
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.wait_for_function("[...document.querySelectorAll('audio')].every(audio => audio.readyState > 0)")
    widths = page.evaluate("[...document.images].map(image => [image.naturalWidth, image.clientWidth])")
    assert len(widths) >= 4 and all(own > 0 and shown > 0.7 * min(viewport["width"], 900) for own, shown in widths)
    durations = page.evaluate("[...document.querySelectorAll('audio')].map(audio => audio.duration)")
    assert durations[0] == pytest.approx(music.notes(TUNES[0])[-1].end, abs=0.5)
    assert all(0 < duration < 600 for duration in durations)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]  # nothing sticks out


@pytest.mark.parametrize("scheme, paper", [("light", 0.97), ("dark", 0.09)])
def test_a_score_is_ink_on_the_colour_of_the_page(visit, scheme, paper):
    page = visit(viewport=DESK, color_scheme=scheme)
    pixels = matplotlib.image.imread(io.BytesIO(page.locator("img").first.screenshot()))[..., :3].mean(axis=2)
    assert pixels[0, 0] == pytest.approx(paper, abs=0.03)
    ink = abs(pixels - paper) > 0.6
    assert 0.01 < ink.mean() < 0.3


def test_a_phone_is_shown_shorter_lines(visit):
    addresses = [visit(viewport=viewport).evaluate("document.images[0].currentSrc") for viewport in (PHONE, DESK)]
    assert addresses[0] != addresses[1]


def test_the_button_copies_the_notation(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.locator("button").first.click()
    page.locator("[role=status]", has_text=re.compile("^Copied$")).first.wait_for(state="attached")  # it takes a moment
    assert page.evaluate("navigator.clipboard.readText()") == TUNES[0].strip()


def test_without_a_clipboard_the_notation_is_selected(visit):
    page = visit("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("button").nth(1).click()
    page.wait_for_function("document.querySelectorAll('[role=status]')[1].textContent")
    assert page.evaluate("getSelection().toString()").strip() == TUNES[1].strip()


def test_a_tune_that_starts_stops_the_one_before(visit):
    page = visit()
    players = page.locator("audio")
    for player in (players.nth(0), players.nth(1)):
        player.evaluate("audio => { audio.muted = true; return audio.play(); }")
    page.wait_for_function("document.querySelector('audio').paused")
    assert not players.nth(1).evaluate("audio => audio.paused")


def test_without_scripts_all_is_there_but_the_copy_button(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("img").first.is_visible() and page.locator("audio").first.is_visible()
    assert not page.locator("button").first.is_visible()
    page.locator("summary").first.click()
    assert page.locator("pre").first.is_visible()
