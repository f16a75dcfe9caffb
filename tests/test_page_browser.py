"""Every control of the page with the network in it, tried in a browser, on a phone and at a desk.

Needs playwright and a Chromium that is installed on the system or by `playwright install chromium`.
"""

import re
import time

import pytest

import lstm
from lstm.page import page as page_of

pytestmark = pytest.mark.slow

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}
PATIENCE = 120  # seconds: a machine may be slow, and no test is of time


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "composer.html"
    path.write_text(page_of(lstm.load()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """visit(fragment, ...) opens the page and waits for its tune; afterwards nothing must have gone wrong in it."""
    contexts, wrong = [], []

    def visit(fragment="", viewport=DESK, **options):
        context = browser.new_context(viewport=viewport, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        ours = "data:", "blob:", address
        page.on("request", lambda request: request.url.startswith(ours) or wrong.append(request.url))
        page.goto(address + fragment)
        done(page)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


def until(page, expression):
    """Wait until an expression is true. (The page's policy forbids what playwright has for it.)"""
    end = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.02)


def done(page):
    """Wait until the tune is complete, and shown."""
    until(page, "Boolean(composer && composer.ended && !running && (!other || other.ended))")
    until(page, "document.getElementById('status').textContent.startsWith('Done')")


def composed(page, press="#compose"):
    """The tune after a press."""
    page.click(press)
    done(page)
    return text_of(page)


def text_of(page):
    """The tune that is shown."""
    shown = page.evaluate("document.getElementById('text').textContent")
    assert shown == page.evaluate("composer.text")
    return shown


def fragment_of(page):
    """What the address holds."""
    return page.evaluate("location.hash")


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def opened(request, visit):
    """The page on a phone and at a desk."""
    return visit(viewport=request.param)


def test_it_opens_with_a_tune_and_fits_its_window(opened):
    assert re.match(r"X:\d+\nT:", text_of(opened))
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_same_settings_give_the_same_tune_and_another_seed_another(opened):
    first = text_of(opened)
    assert composed(opened) == first
    assert composed(opened, "#another") != first


def test_the_header_is_as_chosen(opened):
    for control, value in (("#rhythm", "jig"), ("#meter", "6/8"), ("#key", "Edor")):
        opened.select_option(control, value)
    text = composed(opened)
    assert "\nR:jig\n" in text and "\nM:6/8\n" in text and "\nK:Edor\n" in text


def test_temperature_zero_gives_the_likeliest_whatever_the_seed(opened):
    opened.fill("#temperature", "0")
    opened.fill("#random_seed", "5")
    first = composed(opened)
    opened.fill("#random_seed", "6")
    assert composed(opened) == first
    assert opened.inner_text("#temperature-said") == "0"


def test_a_seed_text_begins_the_tune_and_an_unknown_character_is_refused(opened):
    opened.fill("#seed", "X:1\nT:<i>Mine</i>\n")
    assert composed(opened).startswith("X:1\nT:<i>Mine</i>\n")
    assert opened.evaluate("document.querySelectorAll('#text i').length") == 0
    before = text_of(opened)
    opened.fill("#seed", "X:1\nT:Ω\n")
    opened.click("#compose")
    assert "Ω" in opened.inner_text("#status") and text_of(opened) == before


def test_it_pauses_goes_on_and_takes_single_steps_to_the_same_tune(opened):
    whole = text_of(opened)
    opened.select_option("#pace", "30")
    opened.click("#compose")
    until(opened, "composer.text.length > 8")
    opened.click("#pause")
    count = opened.evaluate("composer.text.length")
    opened.wait_for_timeout(300)
    assert opened.evaluate("composer.text.length") == count and opened.inner_text("#pause") == "Go on"
    for more in (1, 2, 3):
        opened.click("#step")
        until(opened, f"composer.text.length === {count + more}")
    opened.select_option("#pace", "0")
    assert composed(opened, "#pause") == whole


def test_a_place_is_chosen_by_a_click_and_by_keys(opened):
    opened.locator("#text span").nth(3).click()
    assert "Character 4:" in opened.inner_text("#chosen")
    opened.locator("#text").focus()
    opened.keyboard.press("ArrowRight")
    assert "Character 5:" in opened.inner_text("#chosen")
    opened.keyboard.press("Home")
    assert "Character 1:" in opened.inner_text("#chosen")


def test_what_may_come_next_is_what_the_network_says(opened):
    opened.locator("#text").focus()
    opened.keyboard.press("Home")
    rows = opened.locator("#next tbody tr")
    assert rows.count() == 10
    shown = [float(rows.nth(n).locator("td").nth(1).inner_text()) for n in range(10)]
    wanted = opened.evaluate("[...softmax(composer.steps[0].logits)].sort((a, b) => b - a).slice(0, 10)")
    assert shown == sorted(shown, reverse=True) and max(abs(a - b) for a, b in zip(shown, wanted)) < 6e-4


def test_going_on_from_a_place_keeps_what_is_before_and_its_address_repeats_the_tune(opened, visit):
    before = text_of(opened)
    opened.locator("#text span").nth(40).click()
    varied = composed(opened, "#vary")
    assert varied[:41] == before[:41] and varied != before
    assert text_of(visit(fragment_of(opened))) == varied


def test_going_on_takes_the_temperature_that_is_set_now_and_its_address_says_so(visit):
    page = visit("#random_seed=9")
    page.fill("#temperature", "0")
    page.locator("#text span").nth(60).click()
    varied = composed(page, "#vary")
    assert text_of(visit(fragment_of(page))) == varied


def test_one_cannot_go_on_from_within_a_given_line_or_after_the_end(visit):
    page = visit("#rhythm=jig")
    end = page.evaluate("composer.text.indexOf('R:jig')")
    for place, off in ((end, True), (end + 12, False), (page.evaluate("composer.text.length - 1"), True)):
        page.evaluate(f"moveTo({place})")
        assert page.is_disabled("#vary") == off


def test_another_address_in_the_same_window_is_another_page(visit):
    page = visit("#rhythm=jig&random_seed=4&temperature=0.5")
    page.evaluate("location.hash = '#random_seed=1'")
    until(page, "composer.fields.rhythm === ''")
    done(page)
    assert text_of(page) == text_of(visit()) and page.input_value("#temperature") == "0.8"


def test_an_empty_random_seed_is_zero_in_the_address_too(visit):
    page = visit()
    page.fill("#random_seed", "")
    first = composed(page)
    assert "random_seed=0" in fragment_of(page) and text_of(visit(fragment_of(page))) == first


def test_the_untouched_tune_can_be_paused_too(visit):
    page = visit('#hands=[{"silent":[1,2,3]}]')
    page.evaluate("compose()")
    until(page, "Boolean(composer.ended)")
    page.evaluate("other.ended = ''; other.settings.length = 1e6; setRunning(false)")
    assert page.is_enabled("#pause") and page.inner_text("#pause") == "Go on"


def test_units_that_make_no_sense_are_refused(opened):
    opened.locator("#touch-panel summary").click()
    for units in ("", "a", "59-40", "0-400000000", "448"):
        opened.fill("#touch-units", units)
        opened.click("#touch-add")
        assert "numbers from 0 to 447" in opened.inner_text("#hands")
        assert not opened.evaluate("touches(hands)")
    opened.click("#touch-listed")
    assert "None is listed" in opened.inner_text("#hands")


def test_a_text_is_selected_by_keys(visit):
    page = visit()
    page.locator("#text").focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    until(page, "selection[0] === 0 && selection[1] === 4")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("composer.text.slice(0, at).split('\\n').length") == 2


def test_what_is_heard_begins_anew_with_another_tune(visit):
    page = visit()
    page.click("#play")
    until(page, "player.beat > 0.5")
    page.click("#play")
    composed(page)
    assert page.evaluate("player.beat") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_coloured_letters_can_be_read(scheme, visit):
    """A contrast of 4.5 : 1 on every character of a coloured tune, and of 3 : 1 around the controls (WCAG AA)."""
    page = visit(color_scheme=scheme)
    for how in ("cell", "surprise", "change"):
        page.select_option("#colour", how)
        worst = page.evaluate("""(() => {
            const parts = (colour) => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
            const over = (top, below) => {
                const [r, g, b, a = 1] = parts(top);
                return [r, g, b].map((value, n) => value * a + below[n] * (1 - a));
            };
            const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            const light = (rgb) => rgb.map((v) => linear(v / 255))
                .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
            const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
            const paper = parts(getComputedStyle(document.body).backgroundColor).slice(0, 3);
            const leaf = parts(getComputedStyle(document.getElementById('text')).backgroundColor).slice(0, 3);
            const ink = parts(getComputedStyle(document.getElementById('text')).color).slice(0, 3);
            const letters = [...document.getElementById('text').children].map((span) =>
                contrast(ink, over(getComputedStyle(span).backgroundColor, leaf)));
            const edge = parts(getComputedStyle(document.getElementById('another')).borderTopColor).slice(0, 3);
            return [Math.min(...letters), contrast(edge, paper)];
        })()""")
        assert worst[0] >= 4.5 and worst[1] >= 3, (how, worst)


def test_the_tune_is_coloured_by_what_is_chosen(opened):
    paints = set()
    for value in ("", "surprise", "cell", "change"):
        opened.select_option("#colour", value)
        shades = "[...document.getElementById('text').children].map((span) => span.style.backgroundColor).join()"
        paints.add(opened.evaluate(shades))
    assert len(paints) == 4


def test_units_that_respond_are_listed_and_looked_at(opened):
    for question in ("bar lines", "the header"):
        opened.select_option("#question", question)
        buttons = opened.locator("#responding button")
        assert buttons.count() == 10
    buttons.nth(2).click()
    layer, unit = re.match(r"(\d+)/(\d+)", buttons.nth(2).inner_text()).groups()
    assert opened.input_value("#unit") == unit
    assert f"Unit {unit} of layer {layer}" in opened.get_attribute("#strips", "aria-label")


def test_what_is_selected_can_be_asked_about(opened):
    opened.evaluate("""(() => {
        const spans = document.getElementById('text').children, range = new Range();
        range.setStart(spans[2].firstChild, 0);
        range.setEnd(spans[20].firstChild, 1);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
    })()""")
    until(opened, "selection[1] === 21")
    opened.select_option("#question", "what is selected")
    assert opened.locator("#responding button").count() == 10


def test_the_similarity_is_that_of_the_state_and_changes_with_the_layer(opened):
    count = opened.evaluate("composer.steps.length")
    for value in ("0 h", "1 c"):
        opened.select_option("#similar", value)
        until(opened, f"similarity.of === '{value}' && similarity.rows.length === {count}")
        assert opened.evaluate("similarity.rows.every((row, n) => Math.abs(row[n] - 1) < 1e-5)")
        wanted = opened.evaluate("""(() => {
            const [layer, name] = document.getElementById('similar').value.split(' ');
            const [a, b] = [30, 7].map((n) => composer.steps[n].state[layer][name]);
            const dot = (x, y) => x.reduce((sum, value, j) => sum + value * y[j], 0);
            return [similarity.rows[30][7], dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))];
        })()""")
        assert abs(wanted[0] - wanted[1]) < 1e-5


def test_a_hand_gives_another_tune_and_the_untouched_stands_beside_it(opened, visit):
    before = text_of(opened)
    opened.locator("#touch-panel summary").click()
    opened.fill("#touch-units", "0-199")
    touched = composed(opened, "#touch-add")
    assert touched != before and opened.inner_text("#hands").startswith("Your hand: layer 1: 200 silent")
    assert opened.evaluate("document.getElementById('other').textContent") == before
    assert text_of(visit(fragment_of(opened))) == touched
    opened.check("#untouched")
    assert opened.evaluate("shownTune().text") == before
    assert composed(opened, "#touch-clear") == before
    assert not opened.is_visible("#other") and opened.inner_text("#hands") == "No hand is in."


def test_cells_are_held_listed_units_silenced_and_a_forget_bias_moved(opened):
    opened.locator("#touch-panel summary").click()
    opened.select_option("#touch-what", "held")
    opened.fill("#touch-units", "3, 5")
    composed(opened, "#touch-add")
    assert opened.evaluate("composer.steps.at(-1).state[0].c[3]") == 2
    opened.select_option("#question", "bar lines")
    composed(opened, "#touch-listed")
    assert opened.evaluate("hands.reduce((sum, hand) => sum + hand.silent.length, 0)") == 10
    opened.locator("#bias-1").focus()
    opened.keyboard.press("ArrowLeft")
    done(opened)
    assert opened.evaluate("composer.settings.hands[1].bias") == -0.5
    assert "forget bias -0.5" in opened.inner_text("#hands")


def test_it_plays_and_the_playhead_moves(opened):
    opened.click("#play")
    until(opened, "player.beat > 0.5")
    assert opened.inner_text("#play") == "Stop" and opened.locator("#text .sounds").count() >= 1
    before = opened.evaluate("player.beat")
    opened.fill("#tempo", "240")
    opened.dispatch_event("#tempo", "change")
    assert opened.evaluate("player.tempo") == 240 and opened.evaluate("player.beat") >= before - 0.3
    opened.click("#play")
    assert opened.inner_text("#play") == "Play" and not opened.evaluate("player.playing")


def test_it_plays_again_and_again_if_it_shall(visit):
    page = visit()
    page.check("#loop")
    page.click("#play")
    until(page, "player.playing")
    page.evaluate("player.play(player.notes, player.length - 0.5)")
    until(page, "player.playing && player.beat < player.length / 2 && player.beat > 0")


def test_tunes_are_saved_and_copied(opened):
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with opened.expect_download() as saved:
        opened.click("#save-abc")
    assert saved.value.path().read_text(encoding="utf-8") == text_of(opened)
    with opened.expect_download() as saved:
        opened.click("#save-midi")
    assert saved.value.path().read_bytes().startswith(b"MThd")
    opened.click("#copy")
    until(opened, "document.getElementById('status').textContent === 'Copied.'")
    assert opened.evaluate("navigator.clipboard.readText()") == text_of(opened)


def test_everything_answers_while_it_composes(visit):
    page = visit()
    page.select_option("#pace", "6")
    page.click("#compose")
    until(page, "composer.text.length > 3")
    page.locator("#text span").nth(1).click()
    page.select_option("#colour", "surprise")
    page.select_option("#question", "the header")
    page.evaluate("document.getElementById('similarity-panel').open = false")
    assert page.evaluate("running") and "Character 2:" in page.inner_text("#chosen")


ODD = [
    "#hands=%7Bbroken", "#hands=[3,null]", '#hands=[{"silent":3}]',
    '#hands=[{"silent":["a",9999],"cells":{"x":1},"bias":"b"}]',
    "#vary=x:y,3", "#vary=99999:1", "#temperature=abc&random_seed=-4", "#" + "a=b&" * 500,
]


@pytest.mark.parametrize("fragment", ODD)
def test_an_address_that_makes_no_sense_does_no_harm(fragment, visit):
    assert text_of(visit(fragment)).startswith("X:")


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"reduced_motion": "reduce"}])
def test_dark_and_with_reduced_motion(options, visit):
    page = visit(**options)
    assert page.evaluate("""(() => {
        const light = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
        const style = getComputedStyle(document.body);
        return Math.abs(light(style.color) - light(style.backgroundColor)) > 400;
    })()""")


def test_every_control_has_a_name_and_every_picture_a_text(visit):
    page = visit()
    unnamed = page.evaluate("""[...document.querySelectorAll('button, input, select, textarea, canvas[role=img]')]
        .filter((e) => !(e.labels?.length || e.textContent.trim() || e.ariaLabel)).map((e) => e.id)""")
    assert unnamed == []


def test_with_text_of_twice_the_size_nothing_is_beside_the_window(opened):
    opened.locator("#touch-panel summary").click()
    opened.fill("#touch-units", "0-199")
    composed(opened, "#touch-add")
    opened.evaluate("document.documentElement.style.fontSize = '200%'")
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_first_thing_one_can_do_is_hear_a_tune(opened):
    """Play and the notes are in sight, or next to it, when the page opens; nothing of it is lost in explanations."""
    top = "(id) => document.getElementById(id).getBoundingClientRect().top"
    tops = opened.evaluate(f"['play', 'roll', 'text'].map({top})")
    assert tops == sorted(tops) and tops[0] < PHONE["height"] and tops[1] < 1.2 * PHONE["height"]
    assert opened.is_enabled("#play")


def test_the_same_tune_again_is_said_to_be_that(opened):
    composed(opened)
    assert "the same tune as before" in opened.inner_text("#status")
    composed(opened, "#another")
    assert "the same tune" not in opened.inner_text("#status")


def test_a_changed_setting_says_what_to_press(opened):
    opened.select_option("#key", "D")
    assert "Press Compose" in opened.inner_text("#status")


def test_a_text_without_notes_says_why_it_cannot_be_played(visit):
    page = visit("#seed=%20")
    page.evaluate("composer.text = 'X:1\\n\\n'; show()")
    assert page.is_disabled("#play") and "no notes" in page.inner_text("#status")


def test_a_text_to_begin_with_that_is_too_long_is_refused_at_once(visit):
    page = visit()
    before = text_of(page)
    page.fill("#seed", "abc " * 1000)
    page.click("#compose")
    assert "4000 characters" in page.inner_text("#status") and text_of(page) == before


def test_after_one_character_it_is_paused_and_goes_on_at_the_pace_that_is_set(visit):
    page = visit()
    whole = text_of(page)
    page.select_option("#pace", "step")
    page.click("#compose")
    for count in (3, 4):  # "X:" is given
        assert page.inner_text("#pause") == "Go on"
        page.click("#step" if count == 3 else "#pause")
        until(page, f"composer.text.length === {count} && !running")
    page.select_option("#pace", "0")
    assert composed(page, "#pause") == whole


def test_keys_stay_in_the_tune_when_one_goes_on_from_a_place(visit):
    page = visit()
    page.locator("#text span").nth(60).click()
    page.focus("#vary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "text"
    done(page)


def test_the_hand_says_where_the_tunes_part_and_both_are_heard_beside_it(opened):
    opened.locator("#touch-panel summary").click()
    opened.fill("#touch-units", "0-199")
    composed(opened, "#touch-add")
    place = opened.evaluate("[...composer.text].findIndex((character, n) => character !== other.text[n])")
    assert f"from character {place + 1} on" in opened.inner_text("#parts")
    for button, tune in (("#hear-untouched", "other"), ("#hear-touched", "composer")):
        opened.click(button)
        assert opened.evaluate(f"player.playing && shownTune() === {tune}") and opened.inner_text(button) == "Stop"
    opened.click("#hear-touched")
    assert not opened.evaluate("player.playing") and opened.inner_text("#hear-touched") == "Hear yours"


def test_the_number_at_a_slider_moves_with_it(visit):
    page = visit()
    page.locator("#touch-panel summary").click()
    page.evaluate("""(() => {
        const bias = document.getElementById('bias-0');
        bias.value = 1.5;
        bias.dispatchEvent(new Event('input'));
    })()""")
    assert page.inner_text("#bias-0-said") == "+1.5"


def test_the_link_is_copied(opened):
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.click("#link")
    until(opened, "document.getElementById('status').textContent.startsWith('Copied')")
    assert opened.evaluate("navigator.clipboard.readText()") == opened.evaluate("location.href")


def test_a_sound_that_is_stopped_dies_away_and_does_not_click(visit):
    page = visit()
    page.click("#play")
    until(page, "player.beat > 0.5")
    page.click("#play")
    assert page.evaluate("player.out.gain.value > 0")
    until(page, "player.out.gain.value < 0.001")


@pytest.mark.parametrize("motion, glides", [("reduce", False), ("no-preference", True)])
def test_with_reduced_motion_only_the_playhead_moves(motion, glides, visit):
    page = visit(reduced_motion=motion)
    differ = page.evaluate("""(() => {
        const drawn = (beat) => {
            const rectangles = [], fillRect = CanvasRenderingContext2D.prototype.fillRect;
            CanvasRenderingContext2D.prototype.fillRect = (...rectangle) => rectangles.push(rectangle);
            drawRoll(document.getElementById('roll'), heard, beat);
            CanvasRenderingContext2D.prototype.fillRect = fillRect;
            return JSON.stringify(rectangles.slice(0, -1));  // the last is the playhead
        };
        return drawn(15) !== drawn(16);
    })()""")
    assert differ == glides
