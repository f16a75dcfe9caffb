"""The engraver, a program of its own, because verovio kills its process on many a malformed tune.

    python engraver.py scores VARIANTS    makes scores.json of tune.abc in this folder, an SVG for each variant
    python engraver.py picture WIDTH      makes score.png of score.svg

It imports nothing of this package, so that it starts in a moment. No module imports it.
"""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree


def scores(variants):
    """tune.abc -> scores.json, a list of SVG pictures. variants: a list of verovio's options, as JSON."""
    tune = Path("tune.abc").read_text("utf-8")
    made = [score(tune, options) for options in json.loads(variants)]
    Path("scores.json").write_text(json.dumps(made), "utf-8")


def score(tune, options):
    """The SVG picture of a tune's score."""
    import verovio  # here, because the picture needs none of it

    toolkit = verovio.toolkit()
    toolkit.setOptions(options)
    if not toolkit.loadData(tune):
        sys.exit("verovio cannot read it")
    svg = toolkit.renderToSVG(1)
    ElementTree.fromstring(svg)  # because a title can hold characters that no XML may
    return svg.replace("<svg ", '<svg style="background: white" ', 1)  # its ink is black, whatever is behind it


def picture(width):
    """score.svg -> score.png. width: pixels."""
    import matplotlib
    import resvg_py

    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")  # because a machine need not have any
    png = resvg_py.svg_to_bytes(
        svg_string=Path("score.svg").read_text("utf-8"), width=int(width), background="white", skip_system_fonts=True,
        serif_family="DejaVu Serif", font_files=[str(path) for path in sorted(fonts.glob("DejaVuSerif*.ttf"))])
    Path("score.png").write_bytes(png)


if __name__ == "__main__":
    {"scores": scores, "picture": picture}[sys.argv[1]](sys.argv[2])
