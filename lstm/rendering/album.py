"""Tunes as one web page: score, sound, notation to copy and the judges' verdict, with nothing loaded from elsewhere.

Whatever comes from a tune is escaped. Scores are pictures, in which no script runs, and the page's security policy
lets in its own script and style alone, by their hashes. Sound is MP3, because WAV would make the page ten times as big.
"""

import base64
import hashlib
import io
import os
import re
from concurrent.futures import ThreadPoolExecutor
from html import escape

import matplotlib

from lstm.io import child_process
from lstm.io.standard_streams import escaped
from lstm.notation.judge import judge_tune
from lstm.notation.tunes import header_fields
from lstm.rendering import music

MOST_COMPLAINTS = 5  # of abc2midi that are shown; a bad tune has dozens

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbf9f5; --ink: #24211d; --quiet: #6d665c; --line: #e2dcd1; --leaf: #f3efe8;
  --good: #33683f; --bad: #96401f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171614; --ink: #e8e3d9; --quiet: #a49c8f; --line: #35322d; --leaf: #211f1c;
    --good: #8fc79b; --bad: #e39a77;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
}
header, main { max-width: 56rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(2.5rem, 8vw, 5.5rem); padding-bottom: clamp(1.5rem, 5vw, 3rem); text-align: center; }
h1 { margin: 0; font-size: clamp(1.9rem, 5.5vw, 2.9rem); font-weight: 400; line-height: 1.15; text-wrap: balance; }
header p { max-width: 38rem; margin: 1rem auto 0; color: var(--quiet); text-wrap: pretty; }
article { padding: clamp(2.2rem, 7vw, 4rem) 0; border-top: 1px solid var(--line); }
h2 { margin: 0; font-size: clamp(1.4rem, 4vw, 1.8rem); font-weight: 400; line-height: 1.25; text-align: center; }
h1, h2, li, .verdict, .reason { overflow-wrap: anywhere; }
.kind { margin: .3rem 0 0; color: var(--quiet); text-align: center; font-style: italic; }
.score { display: block; margin: 1.2rem 0 .6rem; }
.score img { display: block; width: 100%; height: auto; mix-blend-mode: multiply; }
audio { display: block; width: 100%; margin: 0 0 1.6rem; }
.verdict { margin: 1rem 0 0; }
.good { color: var(--good); }
.reason { color: var(--bad); }
ul { margin: .3rem 0 0; padding-left: 1.4rem; color: var(--quiet); font-size: .95rem; }
.notation { position: relative; margin-top: 1rem; }
.copy { position: absolute; top: 0; right: 0; }
summary { width: fit-content; padding: .45rem 0; cursor: pointer; }
pre {
  margin: .6rem 0 0; padding: 1rem 1.2rem; overflow-x: auto; border-radius: .5rem; background: var(--leaf);
  font: .875rem/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
button {
  padding: .4rem 1.1rem; border: 1px solid var(--line); border-radius: 2rem; background: none; color: inherit;
  font: inherit; cursor: pointer;
}
button:hover { background: var(--leaf); }
:focus-visible { outline: 2px solid var(--quiet); outline-offset: 3px; }
[role=status] { margin-right: 1rem; color: var(--quiet); }
[hidden] { display: none; }
@media (prefers-color-scheme: dark) { .score img { filter: invert(1); mix-blend-mode: screen; opacity: .92; } }
@media print { audio, .copy { display: none; } article { break-inside: avoid; } }
"""

# What a page of tables and figures has beside STYLE.
TABLES = """
table { width: 100%; margin: 1rem 0; border-collapse: collapse; font-size: .95rem; }
th, td { padding: .3rem .6rem; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
td, th[scope=row] { min-width: 7rem; overflow-wrap: anywhere; }
td.number { min-width: 0; white-space: nowrap; }
.wide { overflow-x: auto; }
.figure { display: block; max-width: 100%; height: auto; margin: 1rem auto; border-radius: .5rem; background: #fff; }
"""

SCRIPT = """
for (const button of document.querySelectorAll("button")) {
  const abc = document.getElementById(button.dataset.copies), status = button.previousElementSibling;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(abc.textContent);
      status.textContent = "Copied";
    } catch {  // an old browser, or a page that may not use the clipboard
      abc.closest("details").open = true;
      getSelection().selectAllChildren(abc);
      status.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => { status.textContent = ""; }, 4000);
  });
}
document.addEventListener("play", event => {  // one tune at a time
  for (const audio of document.querySelectorAll("audio")) if (audio !== event.target) audio.pause();
}, true);
"""


def album(tunes, heading="Composed by an LSTM", about=""):
    """One self-contained HTML page, as text.

    tunes: texts, each of one tune from its `X:` line on; heading, about: plain text above them (about may be empty).
    A tune that cannot be played or engraved is shown as text, with the reason.
    Raises InputError if a library of the extra `music` is missing.
    """
    music.check_installed()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # threads are enough, because child processes do the work
        try:
            articles = "".join(pool.map(article_of, range(1, len(tunes) + 1), tunes))
        except KeyboardInterrupt:
            child_process.end_all()  # else the pool would wait for them
            raise
    return page(articles, heading, about)


def page(articles, heading, about="", style=STYLE):
    """A self-contained HTML page of articles, which are markup; heading, about: plain text. style: STYLE and more."""
    about = f"\n<p>{readable(about)}</p>" if about else ""
    return document(heading, style, f"""<header>
<h1>{readable(heading)}</h1>{about}
</header>
<main>
{articles}</main>
""", SCRIPT)


def document(title, style, body, script, compiles=False):
    """A self-contained HTML document, whose policy lets in this style and this script alone. title: plain text.

    compiles: whether the script may make WebAssembly, which can do no more than the script that calls it.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(style, script, compiles)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{readable(title)}</title>
<style>{style}</style>
</head>
<body>
{body}<script>{script}</script>
</body>
</html>
"""


def article_of(number, tune):
    """The tune that is the number-th of the page."""
    title, fields = readable(music.title(tune)), header_fields(tune)
    kind = " · ".join(readable(fields[name]) for name in "RMK" if fields.get(name))
    shown, missing = [], {}
    for what, render in (("score", score_of), ("sound", sound_of)):
        try:
            shown.append(render(tune, title))
        except music.Unplayable as reason:
            missing.setdefault(str(reason), []).append(what)
    shown += [f'<p class="reason">No {" and no ".join(what)}: {readable(why)}.</p>' for why, what in missing.items()]
    return f"""<article aria-labelledby="title-{number}">
<h2 id="title-{number}">{title}</h2>
<p class="kind">{kind}</p>
{''.join(shown)}
{verdict_of(judge_tune(tune))}
<div class="notation">
<details{" open" if missing else ""}><summary>ABC notation</summary>
<pre id="abc-{number}" role="group" aria-label="{title} in ABC notation" tabindex="0">{markup(tune.strip())}</pre>
</details>
<div class="copy"><span role="status"></span><button data-copies="abc-{number}" hidden>Copy ABC</button></div>
</div>
</article>
"""


def score_of(tune, title):
    """The score as a picture, in two variants: for a wide page, and with shorter lines for a phone."""
    wide, narrow = music.scores(tune, [music.UNTITLED, music.UNTITLED_NARROW])
    small, large = (data_address("image/svg+xml", svg) for svg in (narrow, wide))
    return (f'<picture class="score"><source media="(max-width: 40rem)" srcset="{small}" {size_of(narrow)}>'
            f'<img src="{large}" {size_of(wide)} alt="Score of {title}"></picture>')


def size_of(svg):
    """The picture's proportions as attributes, so that the page does not jump when it appears."""
    width, height = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups()
    return f'width="{width}" height="{height}"'


def sound_of(tune, title):
    """The sound as a player."""
    source = data_address("audio/mpeg", music.mp3(tune))
    return f'<audio controls preload="metadata" aria-label="{title}" src="{source}"></audio>'


def verdict_of(verdict):
    """What the judges say, in words."""
    complaints = verdict.errors + verdict.warnings
    if complaints:
        counts = [f"{len(lines)} {word}{'s' * (len(lines) > 1)}"
                  for lines, word in ((verdict.errors, "error"), (verdict.warnings, "warning")) if lines]
        notation = f"abc2midi reports {' and '.join(counts)}."
    else:
        notation = "abc2midi finds no fault."
    if not verdict.bars:
        bars = "It has no bars that could be measured."
    elif verdict.bars == verdict.bars_right:
        bars = f"All {verdict.bars} measured bars have the right length."
    else:
        bars = f"{verdict.bars_right} of {verdict.bars} measured bars have the right length."
    shown = [readable(line) for line in complaints[:MOST_COMPLAINTS]]
    if len(complaints) > len(shown):
        shown.append(f"and {len(complaints) - len(shown)} more")
    listed = f"<ul>{''.join(f'<li>{line}</li>' for line in shown)}</ul>" if shown else ""
    return f'<p class="verdict{" good" if verdict.flawless else ""}">{notation} {bars}</p>{listed}'


def policy(style, script, compiles=False):
    """The Content-Security-Policy: nothing but this page's own style and script, and pictures and sound within it."""
    style, script = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script))
    wasm = " 'wasm-unsafe-eval'" * compiles
    return (f"default-src 'none'; img-src data:; media-src data:; style-src 'sha256-{style}'; "
            f"script-src 'sha256-{script}'{wasm}; base-uri 'none'; form-action 'none'")


def data_address(kind, content):
    """The content as an address that holds all of it."""
    content = content.encode() if isinstance(content, str) else content
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def readable(text):
    """A text fit to stand in a line of HTML or between its quotes: what hides text or turns it round is shown."""
    return markup(escaped(text))


def markup(text):
    """Any text as it is, fit to stand in HTML."""
    return escape(text.encode("utf-8", "replace").decode())


# -- what other pages are made of


def article(title, *parts):
    """A part of a page. parts: markup."""
    return f"<article>\n<h2>{readable(title)}</h2>\n" + "\n".join(parts) + "\n</article>\n"


def paragraph(text):
    """A paragraph of plain text."""
    return f"<p>{readable(text)}</p>"


def table(columns, rows):
    """A table of plain texts; the first cell of each row says what the others are. columns may be empty."""
    head = "".join(f'<th scope="col">{readable(name)}</th>' for name in columns)
    lines = [f"<tr>{head}</tr>\n"] if columns else []
    for first, *cells in rows:
        kinds = [' class="number"' * bool(re.fullmatch(r"[\d.,]+( %)?", cell)) for cell in cells]
        cells = "".join(f"<td{kind}>{readable(cell)}</td>" for kind, cell in zip(kinds, cells))
        lines.append(f'<tr><th scope="row">{readable(first)}</th>{cells}</tr>\n')
    return f'<div class="wide"><table>\n{"".join(lines)}</table></div>'


def figure(drawing, label):
    """A matplotlib Figure as a picture within the page, the same bytes each time. label: what it shows."""
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "lstm"}):
        drawing.savefig(content, format="svg", metadata={"Date": None})
    return f'<img class="figure" src="{data_address("image/svg+xml", content.getvalue())}" alt="{readable(label)}">'
