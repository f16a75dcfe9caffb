"""The engraver, a program of its own, because verovio kills its process on many a malformed tune.

    python engraver.py score OPTIONS    makes score.svg of tune.abc in this folder
    python engraver.py picture WIDTH    makes score.png of score.svg

It imports nothing of this package, so that it starts in a moment. No module imports it.
"""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree


def score(options):
    """tune.abc -> score.svg. options: verovio's, as JSON."""
    import verovio  # here, because the picture needs none of it

    toolkit = verovio.toolkit()
    toolkit.setOptions(json.loads(options))
    if not toolkit.loadData(Path("tune.abc").read_text("utf-8")):
        sys.exit("verovio cannot read it")
    svg = toolkit.renderToSVG(1)
    ElementTree.fromstring(svg)  # because a title can hold characters that no XML may
    svg = svg.replace("<svg ", '<svg style="background: white" ', 1)  # its ink is black, whatever is behind it
    Path("score.svg").write_text(svg, "utf-8")


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
    {"score": score, "picture": picture}[sys.argv[1]](sys.argv[2])
